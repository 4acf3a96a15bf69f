/** serveSftp(): the subsystem sftp of a server of one's own. */
import { SshError } from '../errors.ts';
import { releaseMemory } from '../io/index.ts';
import { type Awaitable, type FileSystem, runSftpServer, type SftpServerOptions } from '../sftp/server/index.ts';
import type { Program, ProgramIo } from './options.ts';

/**
 * A program that serves files, for `subsystems` of `createServer`.
 *
 * @param files - what to serve, or a function that gives it for a client: a folder a user, for one.
 * @example
 * import { createServer, localFileSystem, serveSftp } from '@nacre/ssh/server';
 *
 * const server = createServer({
 *   hostKeys,
 *   authenticate,
 *   subsystems: {
 *     sftp: serveSftp(({ connection }) => localFileSystem({ root: `/srv/sftp/${connection.user}` }), { umask: 0o027 }),
 *   },
 * });
 */
export function serveSftp(
  files: FileSystem | ((io: ProgramIo) => Awaitable<FileSystem>),
  options: SftpServerOptions | ((io: ProgramIo) => SftpServerOptions) = {},
): Program<undefined> {
  return async (_none, io) => {
    const served = typeof files === 'function' ? await files(io) : files;
    const { stdin, stdout, signal } = io;
    const stream = {
      write: (bytes: Uint8Array) => stdout.write(bytes),
      cork: () => stdout.cork(),
      uncork: () => stdout.uncork(),
      pause: () => stdin.pause(),
      resume: () => stdin.resume(),
      on(event: 'data' | 'error' | 'end' | 'close' | 'drain', listener: (...values: (Buffer & Error)[]) => void) {
        // A stream that is not read keeps its end to itself, and a client that is gone reads nothing that we wait for.
        if (event === 'close') signal.addEventListener('abort', () => listener(), { once: true });
        return (event === 'drain' ? stdout : stdin).on(event, listener);
      },
      // Whoever listens in may keep what it heard.
      release: (chunk: Buffer) => {
        if (stdin.listenerCount('data') === 1) releaseMemory([chunk]);
      },
    };
    try {
      await runSftpServer(stream, served, typeof options === 'function' ? options(io) : options);
    } catch (error) {
      // A client that has gone is no fault of the server's.
      if (!(error instanceof SshError) || error.code !== 'connection-lost') throw error;
    }
  };
}
