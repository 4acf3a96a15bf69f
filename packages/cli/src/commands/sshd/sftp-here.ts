/** internal-sftp in this very process: the user's session host, or one that is shut into a folder with one connection. */
import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { ServerSession } from '@nacre/ssh/connection';
import { localFileSystem } from '@nacre/ssh/file-systems';
import type { Peer } from '@nacre/ssh/server';
import { serverRequests } from '@nacre/ssh/sftp/server';
import type { Account } from '../../os/index.ts';
import { isWanted, syslogLog, type ToolLog } from '../sftp-server/log.ts';
import { accountNames } from '../sftp-server/names.ts';
import { sessionFilesLimit } from '../sftp-server/open-files.ts';
import { runSession } from '../sftp-server/session.ts';
import { readSettings, type SftpServerSettings } from '../sftp-server/settings.ts';
import { describeSystemError, Ending } from '../ssh-keygen/ending.ts';
import { serveChannel } from './sftp-channel.ts';

interface Place {
  /** This process is this session's alone, and nothing of this program's is there. */
  readonly isShutIn: boolean;
  /** Is told what the log is to hold. */
  readonly say: (line: string) => void;
}

/**
 * Serves files until the client has enough.
 *
 * @param words - what stands behind "internal-sftp".
 * @returns the exit status. Never rejects.
 */
export async function serveSftpHere(
  words: readonly string[],
  account: Account,
  peer: Peer,
  session: ServerSession,
  { isShutIn, say }: Place,
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
  const log = isShutIn ? logTo(say, settings) : hostLog(say, settings);
  const served = { settings, log, user: account.name, address: peer.address ?? 'UNKNOWN' };
  if (isShutIn) {
    if (settings.umask !== undefined) process.umask(settings.umask);
    if (settings.startDirectory !== undefined) startIn(settings.startDirectory, log);
    return runSession(served, {}, (options) => serveChannel(session, localFileSystem(), options));
  }
  const startDirectory = startFrom(settings.startDirectory, account.home, log);
  const files = localFileSystem({ startDirectory, blocking: 'while-quick' });
  const options = { accounts: accountNames(), maxHandles: sessionFilesLimit() };
  return runSession(served, options, (all) => serveChannel(session, files, all));
}

/** As sftp-server's own: syslog, or with -e the server's log. */
function hostLog(say: (line: string) => void, settings: SftpServerSettings): ToolLog {
  const { stderr, level, facility } = settings;
  if (!stderr) return syslogLog(level, facility, 'internal-sftp');
  return {
    level,
    write: (at, text) => void (isWanted(at, level) && say(`${at.startsWith('debug') ? `${at}: ` : ''}${text}`)),
    close: async () => {},
  };
}

function logTo(say: (line: string) => void, { level }: SftpServerSettings): ToolLog {
  return {
    level,
    write: (at, text) => void (isWanted(at, level) && say(at === 'info' || at === 'verbose' ? text : `${at}: ${text}`)),
    close: async () => {},
  };
}

/** Where relative paths begin. One process has one folder, and here are several sessions. */
function startFrom(wanted: string | undefined, home: string, log: ToolLog): string {
  if (wanted === undefined) return home;
  const folder = resolve(home, wanted);
  try {
    if (!statSync(folder).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    accessSync(folder, constants.X_OK);
    return folder;
  } catch (error) {
    log.write('error', `chdir to "${wanted}" failed: ${describeSystemError(error)}`);
    return home;
  }
}

function startIn(directory: string, log: ToolLog): void {
  try {
    process.chdir(directory);
  } catch (error) {
    log.write('error', `chdir to "${directory}" failed: ${(error as NodeJS.ErrnoException).code}`);
  }
}
