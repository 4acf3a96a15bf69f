/** PermitUserRC: the file that is run before a session's program, the user's ~/.ssh/rc or the machine's /etc/ssh/sshrc. */
import { statSync } from 'node:fs';
import type { ServerSession, SessionStart } from '@nacre/ssh/connection';
import type { ServerConnection } from '@nacre/ssh/server';
import { type Account, type StartUpFile, startSession } from '../../os/index.ts';
import type { Settings } from './config/config.ts';
import { asAccount } from './user-files.ts';

const systemFile = '/etc/ssh/sshrc';

/**
 * What is run first, if there is one. As in OpenSSH a subsystem, a command of the administrator's, a key and the configuration
 * may keep out the user's own file, and then the machine's is run.
 */
export function chooseStartUpFile(
  account: Account,
  settings: Settings,
  { permissions }: ServerConnection,
  start: SessionStart,
  { display }: ServerSession,
): StartUpFile | undefined {
  const mayRunOwn =
    start.kind !== 'subsystem' &&
    settings.forceCommand === undefined &&
    settings.permitUserRc &&
    permissions.allow['user-rc'];
  const input = display === undefined ? '' : `${display.authProtocol} ${display.authCookie}\n`;
  const own = `${account.home}/.ssh/rc`;
  if (mayRunOwn && asAccount(account, () => isThere(own))) return { path: own, byShell: true, input };
  return isThere(systemFile) ? { path: systemFile, byShell: false, input } : undefined;
}

/** A file that says more is not for a program's ears. */
const maxOutputBytes = 64 * 1024;

/**
 * Runs the file by itself, for a program that no shell starts.
 *
 * @returns what it printed, which goes to the client here as in OpenSSH; its errors go nowhere.
 */
export async function runStartUpFile(
  { path, input }: StartUpFile,
  { account, environment }: { readonly account: Account; readonly environment: Readonly<Record<string, string>> },
): Promise<Buffer> {
  const command = `exec /bin/sh '${path.replaceAll("'", "'\\''")}'`;
  const program = await startSession({ account: { ...account, shell: '/bin/sh' }, command, environment });
  const said: Buffer[] = [];
  let byteCount = 0;
  program.stdout.on('data', (chunk: Buffer) => {
    byteCount += chunk.length;
    if (byteCount <= maxOutputBytes) said.push(chunk);
  });
  program.stderr?.resume();
  program.stdin.on('error', () => {}).end(input);
  await program.exit;
  return Buffer.concat(said);
}

/** A folder that nobody may look into holds nothing. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
