/** Reads what a client passed as its stdin; whatever it is, nobody else waits for it. */
import { read } from 'node:fs';
import { Socket } from 'node:net';
import { ReadStream } from 'node:tty';
import { type InputEvents, readKeys, readPipe } from '../local-input.ts';
import type { PassedStream } from './passed-stream.ts';

export interface PassedInput {
  /** Reads no more. Settles when nothing is under way that needs the descriptor. */
  stop(): Promise<void>;
}

const bufferBytes = 256 * 1024;
/** Between two looks at a device that has nothing. */
export const devicePauseMs = 20;

export function readPassed(passed: PassedStream, events: InputEvents): PassedInput {
  switch (passed.kind) {
    case 'closed':
      events.end();
      return idle;
    case 'file':
    case 'device':
      return readByThread(passed, events);
    default:
      return readByNode(passed, events);
  }
}

function readByNode(passed: PassedStream, events: InputEvents): PassedInput {
  try {
    const input =
      passed.kind === 'terminal'
        ? readKeys(
            passed.openForNode((fd) => new ReadStream(fd)),
            events,
          )
        : readPipe((options) => passed.openForNode((fd) => new Socket({ ...options, fd })), events);
    return { stop: async () => input.stop() };
  } catch {
    events.end();
    return idle;
  }
}

/** A file may lie on a slow disk, or on a host that has gone. The client's place in it moves on, as if it had read itself. */
function readByThread(passed: PassedStream, { take, end }: InputEvents): PassedInput {
  if (passed.kind === 'device') passed.makeNonBlocking();
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  let isOver = false;
  let isBusy = false;
  let retry: NodeJS.Timeout | undefined;
  const whenIdle: (() => void)[] = [];
  const next = (): void => {
    isBusy = true;
    read(passed.fd, buffer, 0, bufferBytes, null, (error, byteCount) => {
      isBusy = false;
      for (const resolve of whenIdle.splice(0)) resolve();
      if (isOver) return;
      if (error?.code === 'EAGAIN') {
        retry = setTimeout(next, devicePauseMs);
        return;
      }
      if (error !== null || byteCount === 0) {
        isOver = true;
        end();
        return;
      }
      take(buffer.subarray(0, byteCount), (isWanted) => {
        if (isWanted && !isOver) next();
      });
    });
  };
  next();
  return {
    stop: () => {
      isOver = true;
      clearTimeout(retry);
      return isBusy ? new Promise((resolve) => whenIdle.push(resolve)) : Promise.resolve();
    },
  };
}

const idle: PassedInput = { stop: async () => {} };
