/** The message of the day, as sshd itself or Debian's PAM shows it. */
import { statSync } from 'node:fs';
import type { Account } from '../../os/index.ts';
import type { Settings } from './config/config.ts';
import { readRegularFile } from './config/read-file.ts';
import { asAccount } from './user-files.ts';

/** More is no message. */
const maxMotdBytes = 64 * 1024;

/** The text for a login shell with a terminal; nothing for users who want to be left alone (~/.hushlogin). */
export function readMotd(account: Account, settings: Settings): string {
  // Debian switches PrintMotd off, because pam_motd shows what was made for the day and then the fixed text.
  const files = settings.usePam ? ['/run/motd.dynamic', '/etc/motd'] : settings.printMotd ? ['/etc/motd'] : [];
  if (files.length === 0 || isThere(account, `${account.home}/.hushlogin`)) return '';
  return files.map(readIfThere).join('');
}

function readIfThere(file: string): string {
  try {
    return readRegularFile(file, maxMotdBytes).toString('utf8');
  } catch {
    return '';
  }
}

function isThere(account: Account, path: string): boolean {
  try {
    asAccount(account, () => statSync(path));
    return true;
  } catch {
    return false;
  }
}
