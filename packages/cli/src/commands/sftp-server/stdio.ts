/** Carries a session over stdin and stdout. */
import { fstatSync, read, writevSync } from 'node:fs';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { toSshError } from '@nacre/ssh/errors';
import { type FileSystem, SftpServer, type SftpServerOptions } from '@nacre/ssh/sftp/server';
import { FrameBuffer } from './frame-buffer.ts';
import { ReplyBuffers } from './reply-buffers.ts';
import type { SessionEnd } from './session.ts';

/** Replies that may wait for a client that reads slowly; after them no request is begun. */
const outputBytes = 1024 * 1024;

/** Serves files to whoever holds the other ends of our stdin and stdout. */
export function serveStdio(files: FileSystem, options: SftpServerOptions): Promise<SessionEnd> {
  return new Promise((resolve) => {
    let isOver = false;
    const finish = async (end: SessionEnd, closing: Promise<void>) => {
      if (isOver) return;
      isOver = true;
      await closing;
      await output.flush();
      resolve(end);
    };
    const output = openOutput(
      () => server.onDrain(),
      () => void finish({ kind: 'broken-pipe' }, server.abort()),
    );
    const server = new SftpServer(files, output, options);
    const fail = (error: unknown) =>
      void finish(
        { kind: 'failed', error: toSshError(error, { code: 'operation-failed', stage: 'sftp' }) },
        server.abort(),
      );
    const input = openInput({
      isInUse: () => server.isHolding,
      take(messages) {
        if (isOver) return false;
        try {
          return server.receive(messages);
        } catch (error) {
          fail(error);
          return false;
        }
      },
      end: () => void finish({ kind: 'end' }, server.end()),
    });
    server.onReady = () => input.resume();
    server.onBroken = fail;
  });
}

interface InputEvents {
  isInUse(): boolean;
  /** Takes whole messages; false asks for no more until `resume`. */
  take(messages: Buffer): boolean;
  end(): void;
}

function isPipe(fd: number): boolean {
  try {
    const found = fstatSync(fd);
    return found.isFIFO() || found.isSocket();
  } catch {
    return false;
  }
}

function openInput(events: InputEvents): { resume(): void } {
  const buffer = new FrameBuffer();
  const filled = (byteCount: number): boolean => {
    const messages = buffer.filled(byteCount);
    return messages === undefined || events.take(messages);
  };
  if (!isPipe(0)) return readByThreads(buffer, filled, events);
  const socket = new Socket({
    fd: 0,
    readable: true,
    writable: false,
    onread: {
      buffer: () => buffer.room(events.isInUse()),
      callback: (byteCount: number) => {
        if (filled(byteCount)) return true;
        socket.pause();
        return false;
      },
    },
  } as SocketConstructorOpts);
  socket.on('end', () => events.end());
  socket.on('error', () => events.end());
  socket.on('close', () => events.end());
  socket.resume();
  return { resume: () => void socket.resume() };
}

/** A file, a terminal or a device: rare, and only for trying things out. */
function readByThreads(buffer: FrameBuffer, filled: (byteCount: number) => boolean, events: InputEvents) {
  const next = () => {
    const room = buffer.room(events.isInUse());
    read(0, room, 0, room.length, null, (error, byteCount) => {
      if (error !== null || byteCount === 0) events.end();
      else if (filled(byteCount)) next();
    });
  };
  next();
  return { resume: next };
}

interface Output {
  send(frames: readonly Buffer[]): boolean;
  allocate(byteCount: number): Buffer;
  release(memory: Buffer): void;
  flush(): Promise<void>;
}

function openOutput(onDrain: () => void, onBroken: () => void): Output {
  const buffers = new ReplyBuffers();
  const allocate = (byteCount: number) => buffers.take(byteCount);
  const release = (memory: Buffer) => buffers.give(memory);
  if (!isPipe(1)) {
    const send = (frames: readonly Buffer[]) => {
      try {
        writevSync(1, frames);
        for (const frame of frames) buffers.give(frame);
      } catch {
        onBroken();
      }
      return true;
    };
    return { send, allocate, release, flush: async () => {} };
  }
  const options = { fd: 1, readable: false, writable: true };
  const socket = new Socket(options as SocketConstructorOpts);
  socket.on('error', onBroken);
  socket.on('close', onBroken);
  let waitingBytes = 0;
  // Node says 'drain' when nothing is left, and the client would wait for the next read: this says it when there is room.
  const written = (frame: Buffer) => {
    const wasFull = waitingBytes >= outputBytes;
    waitingBytes -= frame.length;
    buffers.give(frame);
    if (wasFull && waitingBytes < outputBytes) onDrain();
  };
  const write = (frame: Buffer) => {
    waitingBytes += frame.length;
    socket.write(frame, () => written(frame));
  };
  return {
    allocate,
    release,
    send(frames) {
      if (frames.length > 1) socket.cork();
      for (const frame of frames) write(frame);
      if (frames.length > 1) socket.uncork();
      return waitingBytes < outputBytes;
    },
    flush: () =>
      new Promise((resolve) => {
        if (socket.destroyed) return resolve();
        socket.on('close', resolve);
        socket.end(resolve);
      }),
  };
}
