/** Moves bytes between a session's channel and its program, as fast as either side takes them and no faster. */
import { closeSync } from 'node:fs';
import { Socket, type SocketConstructorOpts } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { Channel } from '@nacre/ssh/connection';
import { releaseMemory } from '@nacre/ssh/server';

/** What output is written to: a channel, or one that is listened in on. */
export type Output = Pick<Channel, 'write'>;

type Kind = 'data' | 'stderr';

/** Output that is being sent. */
export interface OutputPump {
  /** Settles when the program's end is closed, or nobody wants the rest. Never rejects. */
  readonly ended: Promise<void>;
  /** Reads no more: the program gets SIGPIPE when it writes. */
  stop(): void;
}

/** Has a pipe hold more; called once bulk passes through it. */
export type Grow = (fd: number) => void;

/**
 * Sends what comes out of a pipe. It is read into one buffer, which is read into again once its bytes were sealed: nothing is
 * copied or allocated, and a client that does not read stops the program and not the server's memory.
 *
 * @param fd - the pipe's reading end; it is the pump's from now on.
 */
export function pumpDescriptor(
  fd: number,
  channel: Output,
  kind: Kind,
  options: { readonly bufferBytes: number; readonly grow: Grow },
): OutputPump {
  const { bufferBytes, grow } = options;
  const pace = new Pace();
  let hasGrown = false;
  const resume = (): void => void (socket.destroyed || socket.resume());
  const onread = {
    buffer: Buffer.allocUnsafeSlow(bufferBytes),
    callback(count: number, buffer: Uint8Array): boolean {
      let isSent = false;
      let isWaiting = false;
      channel.write(buffer.subarray(0, count) as Buffer, kind, (error) => {
        isSent = true;
        if (error !== undefined) socket.destroy();
        else if (isWaiting) resume();
      });
      const shouldGather = pace.shouldGather(count);
      if (pace.isBulk && !hasGrown) {
        hasGrown = true;
        if (!socket.destroyed) grow(fd);
      }
      if (isSent && shouldGather) {
        setTimeout(resume, 1);
        return false;
      }
      isWaiting = !isSent;
      return isSent;
    },
  };
  // node:net takes onread with a descriptor as well as with a connection.
  const socket: Socket = new Socket({ fd, readable: true, writable: false, onread } as SocketConstructorOpts);
  const ended = new Promise<void>((resolve) => {
    socket.on('error', () => {});
    socket.on('end', () => socket.destroy());
    socket.on('close', () => resolve());
  });
  socket.resume();
  return { ended, stop: () => void socket.destroy() };
}

/** A burst ends where nothing came for so long. */
const burstGapMs = 5;
/** A program that has written this much in one burst is not waiting for an answer. */
const burstBytes = 1024 * 1024;

/** Less than this does not even fill a packet to OpenSSH's clients. */
const packetBytes = 32 * 1024;

/**
 * When to let a pipe fill before it is read again. Many programs write 8 KiB at a time: read as they come, each piece costs a
 * turn of the event loop, a packet and two switches between processes, half the speed in all. What is not bulk never waits.
 */
class Pace {
  #bytes = 0;
  #lastMs = 0;

  get isBulk(): boolean {
    return this.#bytes > burstBytes;
  }

  shouldGather(byteCount: number): boolean {
    const nowMs = performance.now();
    this.#bytes = nowMs - this.#lastMs > burstGapMs ? byteCount : this.#bytes + byteCount;
    this.#lastMs = nowMs;
    return this.isBulk && byteCount < packetBytes;
  }
}

/** The same for a stream: a terminal, or a pipe of Node's own where there is no better one. */
export function pumpStream(stream: Readable, channel: Output, kind: Kind): OutputPump {
  const ended = new Promise<void>((resolve) => {
    // One that is closed already tells nobody so again.
    if (stream.destroyed) resolve();
    stream.on('error', () => resolve());
    stream.on('end', () => resolve());
    stream.on('close', () => resolve());
  });
  stream.on('data', (chunk: Buffer) => {
    let isSent = false;
    channel.write(chunk, kind, (error) => {
      isSent = true;
      if (error !== undefined) stream.destroy();
      else if (!stream.destroyed && stream.isPaused()) stream.resume();
    });
    if (!isSent) stream.pause();
  });
  return { ended, stop: () => void stream.destroy() };
}

/** Reads lines of a program that are not for the client. A line that does not end is cut: nobody's memory is theirs. */
export function pumpLines(stream: Readable, take: (line: string) => void): OutputPump {
  let rest = '';
  const give = (line: string) => line !== '' && take(line);
  stream.on('data', (chunk: Buffer) => {
    const lines = `${rest}${chunk.toString('latin1')}`.split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) give(Buffer.from(line, 'latin1').toString('utf8'));
    if (rest.length > maxLineBytes) rest = '';
  });
  const ended = new Promise<void>((resolve) => {
    stream.on('error', () => {});
    stream.on('close', () => {
      give(rest);
      resolve();
    });
  });
  return { ended, stop: () => void stream.destroy() };
}

const maxLineBytes = 16 * 1024;

/** Makes the reading end of a pipe a stream. */
export function openOutput(fd: number): Readable {
  return new Socket({ fd, readable: true, writable: false } as SocketConstructorOpts).resume();
}

/** What may wait for a program that reads slowly before the client is asked to wait. */
const inputBufferBytes = 256 * 1024;

/** Makes the writing end of a pipe a stream; it closes with the stream. */
export function openInput(fd: number): Writable {
  try {
    // node:net hands what it does not know itself to the stream.
    const options = { fd, readable: false, writable: true, writableHighWaterMark: inputBufferBytes };
    return new Socket(options as SocketConstructorOpts);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/**
 * Feeds the client's input to a program. When the program reads no more, the client is told and the rest is dropped, so that
 * its window does not fill up and hold back what else it sends.
 *
 * @param onRefused - called once when the program closed its input.
 * @param grow - has the program's pipe hold more; called once bulk passes through it.
 */
export function pumpInput(from: Readable, to: Writable, onRefused: () => void, grow?: () => void): void {
  let givenBytes = 0;
  let isOpen = true;
  let isGathering = false;
  // What came in one turn of the event loop goes out in one call, and wakes the program once.
  const flush = (): void => {
    isGathering = false;
    to.uncork();
  };
  const give = (): void => {
    if (!isOpen) return;
    isOpen = false;
    if (!from.readableEnded && !from.destroyed) onRefused();
    from.resume();
  };
  to.on('error', give);
  to.on('close', give);
  to.on('drain', () => from.resume());
  from.on('data', (chunk: Buffer) => {
    if (!isOpen) return;
    if (!isGathering) {
      isGathering = true;
      to.cork();
      setImmediate(flush);
    }
    // Whoever listens in may keep what it heard.
    const isOurs = from.listenerCount('data') === 1;
    const isTaken = to.write(chunk, (error) => {
      if (isOurs && (error === null || error === undefined)) releaseMemory([chunk]);
    });
    if (!isTaken) from.pause();
    if (grow === undefined) return;
    givenBytes += chunk.length;
    if (givenBytes < burstBytes) return;
    grow();
    grow = undefined;
  });
  from.on('end', () => to.end());
  from.on('error', () => to.destroy());
}
