/** Password checks and account states by the system's own means: unix_chkpwd and the shadow file. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { tryPlatform } from './native.ts';
import type { ShadowEntry } from './platform.ts';

const chkpwdPlaces = ['/usr/sbin/unix_chkpwd', '/sbin/unix_chkpwd'];
/**
 * A refusal is given at the next multiple of this after the question. An unknown name costs no hash (about 2 ms), a known
 * one does (about 70 ms with yescrypt): without the wait the time would tell which names exist.
 */
const refusalStepMs = 250;
/** A helper that hangs (a broken directory service) must not hold a login for ever. */
const helperTimeoutMs = 30_000;
const maxPasswordBytes = 4096;

/**
 * Checks a password with PAM's unix_chkpwd: as root for everybody, otherwise for the own account only.
 *
 * Whether the account may log in at all is another question: see accountStatus.
 *
 * @param options - `allowEmpty`: whether an account without a password is let in with the empty one. Default no.
 * @returns false for a wrong password, an unknown user and for every failure; false takes equally long for all of them.
 */
export async function verifyPassword(
  user: string,
  password: string,
  options: { allowEmpty?: boolean } = {},
): Promise<boolean> {
  const started = performance.now();
  const good = await askHelper(user, password, options.allowEmpty ?? false);
  if (good) return true;
  const elapsed = performance.now() - started;
  const waitMs = refusalStepMs - (elapsed % refusalStepMs);
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  return false;
}

/** What the system says about an account apart from its password. */
export interface AccountStatus {
  /** The password field starts with `!`: the administrator locked the account (OpenSSH refuses keys as well). */
  readonly locked: boolean;
  /** The account's last day, or the grace after its password's last day, is over. */
  readonly expired: boolean;
  /** The password is too old, or must be changed at the first login. */
  readonly passwordExpired: boolean;
  /** Contents of /etc/nologin when it stands there and the account is not root's: show it and refuse. */
  readonly nologin: string | undefined;
}

/** Reads an account's state; without the right to read the shadow file only `nologin` is known. */
export function accountStatus(name: string, uid: number, now = new Date()): AccountStatus {
  const shadow = tryPlatform()?.getShadow(name);
  const nologin = uid === 0 ? undefined : readNologin();
  if (shadow === undefined) return { locked: false, expired: false, passwordExpired: false, nologin };
  return { ...judgeShadow(shadow, Math.floor(now.getTime() / msPerDay)), nologin };
}

/** The rules of shadow(5) on a given day (days since 1970). */
export function judgeShadow(shadow: ShadowEntry, today: number): Omit<AccountStatus, 'nologin'> {
  const { passwordField, lastChangeDay, maxDays, inactiveDays, expireDay } = shadow;
  const mustChange = lastChangeDay === 0;
  const lastGoodDay =
    lastChangeDay === undefined || mustChange || maxDays === undefined || maxDays < 0
      ? undefined
      : lastChangeDay + maxDays;
  const graceIsOver = lastGoodDay !== undefined && inactiveDays !== undefined && today > lastGoodDay + inactiveDays;
  return {
    locked: passwordField.startsWith('!'),
    // An expire day of 0 is no date but an old way to say "none"; OpenSSH reads it so too.
    expired: (expireDay !== undefined && expireDay > 0 && today > expireDay) || graceIsOver,
    passwordExpired: mustChange || (lastGoodDay !== undefined && today > lastGoodDay),
  };
}

const msPerDay = 24 * 60 * 60 * 1000;
/** pam_nologin looks at both, in this order. */
const nologinFiles = ['/var/run/nologin', '/etc/nologin'];
const maxNologinBytes = 16 * 1024;

function readNologin(): string | undefined {
  for (const path of nologinFiles) {
    try {
      return readFileSync(path, 'utf8').slice(0, maxNologinBytes);
    } catch (error) {
      // A file that is there and may not be read still says no.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return '';
    }
  }
  return undefined;
}

function askHelper(user: string, password: string, allowEmpty: boolean): Promise<boolean> {
  const helper = chkpwdPlaces.find((path) => existsSync(path));
  const usable =
    /^[^-\0:\n/][^\0:\n/]{0,255}$/.test(user) &&
    !password.includes('\0') &&
    Buffer.byteLength(password) <= maxPasswordBytes;
  if (helper === undefined || !usable) return Promise.resolve(false);
  return new Promise((resolve) => {
    const child = spawn(helper, [user, allowEmpty ? 'nullok' : 'nonull'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {},
      cwd: '/',
      timeout: helperTimeoutMs,
    });
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
    child.stdin.on('error', () => {});
    const secret = Buffer.from(`${password}\0`, 'utf8');
    child.stdin.end(secret, () => secret.fill(0));
  });
}
