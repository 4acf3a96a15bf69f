/** The message of the day, as sshd itself or Debian's PAM shows it. */
import { statSync } from 'node:fs';
import type { Account } from '../../os/index.ts';
import type { Settings } from './config/config.ts';
import { readRegularFile } from './config/read-file.ts';
import { asAccount } from './user-files.ts';

/** More is no message. */
const maxMotdBytes = 64 * 1024;

/**
 * The text for a login shell with a terminal; nothing for users who want to be left alone (~/.hushlogin).
 *
 * @param said - what was said while the user logged in.
 * @param lastLogin - the line about the login before.
 */
export function readGreeting(account: Account, settings: Settings, said: string, lastLogin: string): string {
  if (isThere(account, `${account.home}/.hushlogin`)) return '';
  // Debian switches PrintMotd off, because pam_motd shows what was made for the day and then the fixed text.
  if (settings.usePam) return [said, ...['/run/motd.dynamic', '/etc/motd'].map(readIfThere), lastLogin].join('');
  return [said, lastLogin, settings.printMotd ? readIfThere('/etc/motd') : ''].join('');
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
