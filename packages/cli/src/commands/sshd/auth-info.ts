/** ExposeAuthInfo: tells a session, in a file of its own, how its user logged in. */
import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import type { ServerConnection } from '@nacre/ssh/server';
import type { Account } from '../../os/index.ts';
import type { Say } from './admission.ts';
import type { Settings } from './config/config.ts';
import { asAccount } from './user-files.ts';

/** A file that only its user may read; it lives as long as the session. */
export interface AuthInfoFile {
  readonly path: string;
  remove(): void;
}

/** Writes the file; undefined, and a line in the log, where it cannot: as in OpenSSH the session goes on without. */
export function writeAuthInfo(
  account: Account,
  login: Pick<ServerConnection, 'methods' | 'keys'>,
  settings: Settings,
  log: Say,
): AuthInfoFile | undefined {
  const path = `/tmp/sshauth.${randomBytes(12).toString('hex').slice(0, 15)}`;
  const write = (): void => {
    // In a folder where everybody writes: only a file that was not there before, and no link.
    const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    try {
      writeSync(fd, formatAuthInfo(login, settings));
    } finally {
      closeSync(fd);
    }
  };
  try {
    asAccount(account, write);
  } catch (error) {
    log('ERROR', `could not write ${path} for ExposeAuthInfo: ${(error as Error).message}`);
    return undefined;
  }
  return {
    path,
    remove: () =>
      asAccount(account, () => {
        try {
          unlinkSync(path);
        } catch {
          // It is the user's, who may have done so.
        }
      }),
  };
}

/** A line a method, in order, with the key that was proved (sshd_config(5), ExposeAuthInfo). */
export function formatAuthInfo(
  { methods, keys }: Pick<ServerConnection, 'methods' | 'keys'>,
  { usePam }: Pick<Settings, 'usePam'>,
): string {
  const left = [...keys];
  return methods
    .map((method) => {
      const key = method === 'publickey' || method === 'hostbased' ? left.shift() : undefined;
      if (key !== undefined) return `${method} ${key.type} ${key.blob.toString('base64')}\n`;
      return method === 'keyboard-interactive' && usePam ? `${method}/pam\n` : `${method}\n`;
    })
    .join('');
}
