/** runSftpServer(): a session over a stream. */
import { type SshError, toSshError } from '../../errors.ts';
import type { FileSystem } from './file-system.ts';
import type { SftpServerOptions } from './options.ts';
import { SftpServer } from './server.ts';

/** The stream of a session; every Node Duplex stream is one. */
export interface SftpServerStream {
  /** False where the stream holds enough and says `drain` when it has room again. */
  write(bytes: Uint8Array): unknown;
  cork?(): void;
  uncork?(): void;
  pause(): unknown;
  resume(): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end' | 'close' | 'drain', listener: () => void): unknown;
  /** Takes back a chunk that came by `data` and of which nothing is held any more: its memory may be freed. */
  release?(chunk: Buffer): void;
}

/**
 * Serves files to the client at the other end of a stream, until the client ends it.
 *
 * @returns when every request was answered, and every file is closed. The stream is left open for the caller to end.
 * @throws SshError, stage `sftp`: `bad-message` or `limit-exceeded` for a client that breaks the rules, `connection-lost` for
 *   a stream that fails.
 * @example
 * await runSftpServer(stream, memoryFileSystem(), { readOnly: true });
 */
export function runSftpServer(
  stream: SftpServerStream,
  files: FileSystem,
  options: SftpServerOptions = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const finish = (closing: Promise<void>, error?: SshError) => {
      if (isOver) return;
      isOver = true;
      closing.then(() => (error === undefined ? resolve() : reject(error)), reject);
    };
    const server = new SftpServer(
      files,
      {
        send(frames) {
          if (frames.length === 1) return stream.write(frames[0] as Buffer) !== false;
          stream.cork?.();
          let hasRoom = true;
          for (const frame of frames) hasRoom = stream.write(frame) !== false;
          stream.uncork?.();
          return hasRoom;
        },
        releaseInput: (chunk) => stream.release?.(chunk),
      },
      options,
    );
    const fail = (error: unknown) =>
      finish(server.abort(), toSshError(error, { code: 'connection-lost', stage: 'sftp', side: 'peer' }));
    server.onReady = () => void stream.resume();
    server.onBroken = fail;
    stream.on('data', (chunk) => {
      if (isOver) return;
      try {
        if (!server.receive(chunk)) stream.pause();
      } catch (error) {
        fail(error);
      }
    });
    stream.on('drain', () => server.onDrain());
    stream.on('error', fail);
    stream.on('end', () => finish(server.end()));
    stream.on('close', () => finish(server.abort()));
  });
}
