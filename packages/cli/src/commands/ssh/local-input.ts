/** Reads our own stdin as fast as the session takes it: files by large reads, pipes straight into buffers, keys as they come. */
import { fstatSync, read } from 'node:fs';
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
}

/** 256 KiB fill several packets at once and still fit the processor's cache beside the packets made of them. */
const bufferBytes = 256 * 1024;
/** What may wait to be sent: enough for the sender never to run dry, and all the memory that a slow server costs us. */
const mostWaitingBytes = 1024 * 1024;
const keyBytes = 16 * 1024;

/** Starts reading a descriptor. */
export function readInput(fd: number, events: InputEvents): Input {
  if (isatty(fd)) return readStream(new ReadStream(fd), events);
  const kind = kindOf(fd);
  if (kind === 'closed') {
    events.end();
    return { stop() {} };
  }
  return kind === 'pipe' ? readPipe(fd, events) : readFile(fd, events);
}

function kindOf(fd: number): 'pipe' | 'file' | 'closed' {
  try {
    const found = fstatSync(fd);
    return found.isFIFO() || found.isSocket() ? 'pipe' : 'file';
  } catch {
    return 'closed';
  }
}

/** Regular files and devices: one read under way while earlier buffers are being sent. */
function readFile(fd: number, { take, end }: InputEvents): Input {
  const free: Buffer[] = [];
  let waiting = 0;
  let isReading = false;
  let isOver = false;
  const finish = () => {
    if (isOver) return;
    isOver = true;
    end();
  };
  const next = () => {
    if (isReading || isOver || waiting * bufferBytes >= mostWaitingBytes) return;
    isReading = true;
    const buffer = free.pop() ?? Buffer.allocUnsafeSlow(bufferBytes);
    read(fd, buffer, 0, bufferBytes, null, (error, byteCount) => {
      isReading = false;
      if (isOver) return;
      if (error !== null || byteCount === 0) return finish();
      waiting++;
      take(buffer.subarray(0, byteCount), (isWanted) => {
        waiting--;
        free.push(buffer);
        if (!isWanted) isOver = true;
        next();
      });
      next();
    });
  };
  next();
  return {
    stop: () => {
      isOver = true;
    },
  };
}

/** Pipes and sockets: the system fills our buffers, and stops doing so while too much waits. */
function readPipe(fd: number, { take, end }: InputEvents): Input {
  const free: Buffer<ArrayBuffer>[] = [];
  let waitingBytes = 0;
  let isOver = false;
  let current = Buffer.allocUnsafeSlow(bufferBytes);
  const source = new Socket({
    fd,
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
function readStream(source: ReadStream, { take, end }: InputEvents): Input {
  let waitingBytes = 0;
  let isOver = false;
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
      else if (source.isPaused() && !isOver) source.resume();
    });
    if (waitingBytes > keyBytes) source.pause();
  });
  source.on('end', finish);
  source.on('error', finish);
  return { stop };
}
