/** PermitUserRC: the file that is run before a session's program, the user's ~/.ssh/rc or the machine's /etc/ssh/sshrc. */
import { statSync } from 'node:fs';
import type { ServerSession, SessionStart } from '@nacre/ssh/connection';
import type { ServerConnection } from '@nacre/ssh/server';
import type { Account, StartUpFile } from '../../os/index.ts';
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

/** A folder that nobody may look into holds nothing. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
