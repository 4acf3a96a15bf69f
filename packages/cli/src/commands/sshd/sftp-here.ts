/** internal-sftp in this very process, for one that is shut into a folder with one connection: nothing of this program's is there. */
import { setImmediate as turn } from 'node:timers/promises';
import type { ServerSession } from '@nacre/ssh/connection';
import { toSshError } from '@nacre/ssh/errors';
import { localFileSystem } from '@nacre/ssh/file-systems';
import type { Peer } from '@nacre/ssh/server';
import { runSftpServer, type SftpServerOptions, serverRequests } from '@nacre/ssh/sftp/server';
import type { Account } from '../../os/index.ts';
import { isWanted, type ToolLog } from '../sftp-server/log.ts';
import { runSession, type SessionEnd } from '../sftp-server/session.ts';
import { readSettings, type SftpServerSettings } from '../sftp-server/settings.ts';
import { Ending } from '../ssh-keygen/ending.ts';

/**
 * Serves files until the client has enough.
 *
 * @param words - what stands behind "internal-sftp".
 * @param say - is told what the log is to hold.
 * @returns the exit status. Never rejects.
 */
export async function serveSftpHere(
  words: readonly string[],
  account: Account,
  peer: Peer,
  session: ServerSession,
  say: (line: string) => void,
): Promise<number> {
  // Once the request is answered: what is written before would come too early.
  await turn();
  let settings: SftpServerSettings;
  try {
    settings = readSettings(words, { ...account, homeOf: () => undefined }, 'internal-sftp');
  } catch (error) {
    if (!(error instanceof Ending)) throw error;
    for (const line of error.message.split('\n')) say(line);
    return error.status;
  }
  if (settings.query !== undefined) {
    session.stream.write(serverRequests.map(({ name }) => `${name}\n`).join(''));
    return 0;
  }
  // This process is this session's alone.
  if (settings.umask !== undefined) process.umask(settings.umask);
  const log = logTo(say, settings);
  if (settings.startDirectory !== undefined) startIn(settings.startDirectory, log);
  const served = { settings, log, user: account.name, address: peer.address ?? 'UNKNOWN' };
  return runSession(served, {}, (options) => serveChannel(session, options));
}

async function serveChannel({ stream }: ServerSession, options: SftpServerOptions): Promise<SessionEnd> {
  try {
    await runSftpServer(stream, localFileSystem(), options);
    return { kind: 'end' };
  } catch (error) {
    const failure = toSshError(error, { code: 'operation-failed', stage: 'sftp' });
    return failure.code === 'connection-lost' ? { kind: 'broken-pipe' } : { kind: 'failed', error: failure };
  }
}

function logTo(say: (line: string) => void, { level }: SftpServerSettings): ToolLog {
  return {
    level,
    write: (at, text) => void (isWanted(at, level) && say(at === 'info' || at === 'verbose' ? text : `${at}: ${text}`)),
    close: async () => {},
  };
}

function startIn(directory: string, log: ToolLog): void {
  try {
    process.chdir(directory);
  } catch (error) {
    log.write('error', `chdir to "${directory}" failed: ${(error as NodeJS.ErrnoException).code}`);
  }
}
