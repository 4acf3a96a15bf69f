/** Reads our own stdin as fast as the session takes it: files by large reads, pipes straight into buffers, keys as they come. */
import { fstatSync, read, readSync } from 'node:fs';
import { Socket, type SocketConstructorOpts } from 'node:net';
import { isatty, ReadStream } from 'node:tty';

/** Takes a chunk, which stays unchanged until `done` is called; `done(false)` says that nobody wants any more. */
export type TakeInput = (chunk: Buffer, done: (isWanted: boolean) => void) => void;

export interface InputEvents {
  readonly take: TakeInput;
  /** No more comes: end of file, or an error, which is the same to the other end. */
  readonly end: () => void;
}

/** A source that is being read; `stop` ends that. */
export interface Input {
  stop(): void;
  /** Leaves the keys to somebody else for a time; terminals only. */
  pause?(): void;
  resume?(): void;
}

/** 256 KiB fill several packets at once and still fit the processor's cache beside the packets made of them. */
const bufferBytes = 256 * 1024;
/** What may wait to be sent: enough for the sender never to run dry, and all the memory that a slow server costs us. */
const mostWaitingBytes = 1024 * 1024;
const keyBytes = 16 * 1024;

/** Starts reading a descriptor. */
export function readInput(fd: number, events: InputEvents): Input {
  if (isatty(fd)) return readKeys(new ReadStream(fd), events);
  const kind = kindOf(fd);
  if (kind === 'closed') {
    events.end();
    return { stop() {} };
  }
  if (kind === 'pipe') return readPipe((options) => new Socket({ ...options, fd }), events);
  return { file: readFile, device: readDevice }[kind](fd, events);
}

function kindOf(fd: number): 'pipe' | 'file' | 'device' | 'closed' {
  try {
    const found = fstatSync(fd);
    if (found.isFIFO() || found.isSocket()) return 'pipe';
    return found.isFile() ? 'file' : 'device';
  } catch {
    return 'closed';
  }
}

/**
 * Regular files, read at once: the bytes are mostly in memory already, and handing each read to a thread costs more than the
 * copying. The loop ends when enough waits to be sent.
 */
function readFile(fd: number, { take, end }: InputEvents): Input {
  const free: Buffer[] = [];
  let waiting = 0;
  let isReading = false;
  let isOver = false;
  const next = () => {
    if (isReading) return;
    isReading = true;
    while (!isOver && waiting * bufferBytes < mostWaitingBytes) {
      const buffer = free.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
      const byteCount = readSomeSync(fd, buffer);
      if (byteCount === 0) {
        isOver = true;
        end();
        break;
      }
      waiting++;
      take(buffer.subarray(0, byteCount), (isWanted) => {
        waiting--;
        free.push(buffer);
        if (!isWanted) isOver = true;
        next();
      });
    }
    isReading = false;
  };
  next();
  return {
    stop: () => {
      isOver = true;
    },
  };
}

/** An unreadable file is at its end: the other side is told no more either way. */
function readSomeSync(fd: number, buffer: Buffer): number {
  try {
    return readSync(fd, buffer, 0, buffer.length, null);
  } catch {
    return 0;
  }
}

/** Devices may keep a reader waiting, so a thread waits. */
function readDevice(fd: number, { take, end }: InputEvents): Input {
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  let isOver = false;
  const next = () => {
    read(fd, buffer, 0, bufferBytes, null, (error, byteCount) => {
      if (isOver) return;
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
    },
  };
}

/**
 * Pipes and sockets: the system fills our buffers, and stops doing so while too much waits.
 *
 * @param open - makes the socket, on whatever descriptor.
 */
export function readPipe(open: (options: SocketConstructorOpts) => Socket, { take, end }: InputEvents): Input {
  const free: Buffer<ArrayBuffer>[] = [];
  let waitingBytes = 0;
  let isOver = false;
  let current = Buffer.allocUnsafeSlow(bufferBytes);
  const source = open({
    readable: true,
    writable: false,
    onread: {
      buffer: () => {
        current = free.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
        return current;
      },
      callback: (byteCount: number) => {
        if (isOver) return false;
        const buffer = current;
        waitingBytes += byteCount;
        take(buffer.subarray(0, byteCount), (isWanted) => {
          waitingBytes -= byteCount;
          free.push(buffer);
          if (!isWanted) stop();
          else if (!isOver && source.isPaused() && waitingBytes < mostWaitingBytes) source.resume();
        });
        if (waitingBytes >= mostWaitingBytes) source.pause();
        return true;
      },
    },
  } as SocketConstructorOpts);
  const finish = () => {
    if (isOver) return;
    isOver = true;
    end();
  };
  const stop = () => {
    isOver = true;
    source.destroy();
  };
  source.on('end', finish);
  source.on('error', finish);
  source.on('close', finish);
  source.resume();
  return { stop };
}

/** A terminal: keys, a few bytes at a time. */
export function readKeys(source: ReadStream, { take, end }: InputEvents): Input {
  let waitingBytes = 0;
  let isOver = false;
  let isLeft = false;
  const stop = () => {
    isOver = true;
    source.destroy();
  };
  const finish = () => {
    if (isOver) return;
    isOver = true;
    end();
  };
  source.on('data', (chunk: Buffer) => {
    if (isOver) return;
    waitingBytes += chunk.length;
    take(chunk, (isWanted) => {
      waitingBytes -= chunk.length;
      if (!isWanted) stop();
      else if (source.isPaused() && !isOver && !isLeft) source.resume();
    });
    if (waitingBytes > keyBytes) source.pause();
  });
  source.on('end', finish);
  source.on('error', finish);
  return {
    stop,
    pause: () => {
      isLeft = true;
      source.pause();
    },
    resume: () => {
      isLeft = false;
      if (!isOver) source.resume();
    },
  };
}
