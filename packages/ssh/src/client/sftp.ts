/** openSftp(): an sftp session over a connection. */
import { maxShownBytes } from '../limits.ts';
import { type SftpClient, SftpOpening, startSftp } from '../sftp/index.ts';
import { printable } from '../wire/index.ts';
import type { ClientConnection } from './client-connection.ts';
import type { CallOptions } from './options.ts';
import { programStream } from './program-stream.ts';

/**
 * Starts the subsystem sftp of the server.
 *
 * @throws SshError `request-refused` where the server does not offer it; stage `sftp` where what it started does not speak it.
 * @example
 * await using sftp = await openSftp(server);
 * const text = await sftp.readFile('.bashrc');
 */
export async function openSftp(connection: ClientConnection, options: CallOptions = {}): Promise<SftpClient> {
  const opening = new SftpOpening();
  const session = await connection.subsystem('sftp', { ...options, firstInput: opening.firstInput() });
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
  return startSftp(programStream(session), { ...options, opening, explainEnd });
}
