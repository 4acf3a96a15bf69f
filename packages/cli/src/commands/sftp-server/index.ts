/** sftp-server: files for an sftp client at the other end of stdin and stdout. */
import { userInfo } from 'node:os';
import { localFileSystem } from '@nacre/ssh/file-systems';
import { serverRequests } from '@nacre/ssh/sftp/server';
import { tryPlatform } from '../../os/native.ts';
import { sanitize } from '../../terminal/sanitize.ts';
import { describeSystemError, Ending } from '../ssh-keygen/ending.ts';
import { becomeAccount } from './internal.ts';
import { decodeInternal } from './internal-arguments.ts';
import type { ToolLog } from './log.ts';
import { accountNames, homeOf } from './names.ts';
import { openFilesLimit } from './open-files.ts';
import { addressOf, openLog, runSession } from './session.ts';
import { type ProgramName, readSettings, type SessionUser, type SftpServerSettings } from './settings.ts';
import { serveStdio } from './stdio.ts';

export async function run(args: readonly string[]): Promise<number> {
  const internal = decodeInternal(args);
  if (internal !== undefined) becomeAccount(internal.account);
  hideMemory();
  try {
    const user = internal === undefined ? whoWeAre() : { ...internal.account, homeOf };
    const name = internal === undefined ? 'sftp-server' : 'internal-sftp';
    return await serve(readSettings(internal?.words ?? args, user, name), user.name, name);
  } catch (error) {
    if (!(error instanceof Ending)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error.status;
  }
}

function whoWeAre(): SessionUser {
  const { username, uid, homedir } = userInfo();
  return { name: username, uid, home: homedir, homeOf };
}

/** A client that may open any file might otherwise write into this very process through /proc/self/mem, and run what it likes. */
function hideMemory(): void {
  try {
    tryPlatform()?.hideMemory();
  } catch {
    // As OpenSSH's: done where the system offers it.
  }
}

async function serve(settings: SftpServerSettings, user: string, name: ProgramName): Promise<number> {
  if (settings.query !== undefined) {
    process.stdout.write(serverRequests.map(({ name }) => `${name}\n`).join(''));
    return 0;
  }
  const log = openLog(settings, name);
  const address = addressOf(process.env.SSH_CONNECTION);
  if (address === undefined) {
    log.write('error', `Malformed SSH_CONNECTION variable: "${sanitize(process.env.SSH_CONNECTION ?? '')}"`);
    await log.close();
    return 255;
  }
  if (settings.umask !== undefined) process.umask(settings.umask);
  if (settings.startDirectory !== undefined) startIn(settings.startDirectory, log);
  // One client: what blocks it blocks nobody else, and threads would cost more than the calls themselves.
  const files = localFileSystem({ blocking: true });
  const options = { accounts: accountNames(), maxHandles: openFilesLimit() };
  return runSession({ settings, log, user, address }, options, (all) => serveStdio(files, all));
}

/** A start directory that is not there is told, and the session begins where it is. */
function startIn(directory: string, log: ToolLog): void {
  try {
    process.chdir(directory);
  } catch (error) {
    log.write('error', `chdir to "${directory}" failed: ${describeSystemError(error)}`);
  }
}
