/** openSftp(): an sftp session over a connection. */
import type { ClientSession } from '../connection/index.ts';
import { releaseMemory } from '../io/index.ts';
import { maxShownBytes } from '../limits.ts';
import { type SftpClient, type SftpStream, startSftp } from '../sftp/index.ts';
import { printable } from '../wire/index.ts';
import type { ClientConnection } from './client-connection.ts';
import type { CallOptions } from './options.ts';

/**
 * Starts the subsystem sftp of the server.
 *
 * @throws SshError `request-refused` where the server does not offer it; stage `sftp` where what it started does not speak it.
 * @example
 * await using sftp = await openSftp(server);
 * const text = await sftp.readFile('.bashrc');
 */
export async function openSftp(connection: ClientConnection, options: CallOptions = {}): Promise<SftpClient> {
  const session = await connection.subsystem('sftp', options);
  let said = Buffer.alloc(0);
  let status = '';
  // It has to be read in any case: unread it would hold back everything else.
  session.stderr.on('data', (chunk: Buffer) => {
    if (said.length < maxShownBytes) said = Buffer.concat([said, chunk.subarray(0, maxShownBytes)]);
  });
  session.stderr.on('error', () => {});
  session.exit.then(
    (exit) => {
      if ('status' in exit && exit.status !== 0) status = `exit status ${exit.status}`;
      if ('signal' in exit) status = `signal ${exit.signal}`;
    },
    () => {},
  );
  const explainEnd = () =>
    [printable(said.toString('utf8').trim(), 'one'), status].filter((part) => part !== '').join(', ');
  return startSftp(untilExit(session), { ...options, explainEnd });
}

/** How long a server may take from the end of its output to saying how its program ended. */
const exitWaitMs = 1000;

/** The session's stream, whose end is told only with the exit status and stderr, which come a moment after it. */
function untilExit({ stream, exit }: ClientSession): SftpStream {
  return {
    write: (bytes) => stream.write(bytes),
    on(event: 'data' | 'error' | 'end' | 'close' | 'drain', listener: (...values: (Buffer & Error)[]) => void) {
      if (event !== 'end' && event !== 'close') return stream.on(event, listener);
      return stream.on(event, () => {
        const timer = setTimeout(listener, exitWaitMs);
        const tell = () => {
          clearTimeout(timer);
          listener();
        };
        // A turn later, for what stderr still holds.
        exit.then(() => setImmediate(tell), tell);
      });
    },
    destroy: () => stream.destroy(),
    release: (chunk) => releaseMemory([chunk]),
  };
}
