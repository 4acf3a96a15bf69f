/** Accounts and their groups, from the system's databases (files, LDAP, sssd: whatever NSS asks). */
import { spawnSync } from 'node:child_process';
import { tryPlatform } from './native.ts';
import type { Account } from './platform.ts';

export type { Account } from './platform.ts';

/** Longest name of an account or group that is looked up; anything longer is no name. */
const maxNameBytes = 256;

/**
 * Finds an account by name or number; undefined where there is none.
 *
 * Names come from the network: none is ever taken for a number or an option, so `0` is not root and `-s` is nobody.
 */
export function findAccount(key: string | number): Account | undefined {
  if (typeof key === 'string' && !isLookupName(key)) return undefined;
  if (typeof key === 'number' && !isId(key)) return undefined;
  const native = tryPlatform();
  return native === undefined ? findByGetent(key) : native.getAccount(key);
}

/** The ids of every group an account is in, its primary group `gid` first. */
export function findGroups(name: string, gid: number): number[] {
  const native = tryPlatform();
  const groups = native === undefined ? groupsByGetent(name) : native.getGroups(name, gid);
  return [...new Set([gid, ...groups])];
}

/**
 * The ids of an account's groups, looked up once for each time that the account was: a login asks several times, and those of one
 * login must not differ.
 */
export function groupsOf(account: Account): readonly number[] {
  let groups = groupsFound.get(account);
  if (groups === undefined) {
    groups = findGroups(account.name, account.gid);
    groupsFound.set(account, groups);
  }
  return groups;
}

const groupsFound = new WeakMap<Account, readonly number[]>();

/** The names of groups; one that has none is left out. Starts a program, so ask only where names are needed. */
export function findGroupNames(gids: readonly number[]): string[] {
  const wanted = gids.filter(isId).map(String);
  if (wanted.length === 0) return [];
  return getentLines('group', wanted).flatMap((line) => {
    const [name = '', , number = ''] = line.split(':');
    return name !== '' && wanted.includes(number) ? [name] : [];
  });
}

/** Reads a line of the password database; undefined where it is not one. */
export function parsePasswordLine(line: string): Account | undefined {
  const fields = line.split(':');
  const [name, , uid, gid, gecos, home, shell] = fields;
  if (fields.length < 7 || !name || !isNumber(uid) || !isNumber(gid)) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), gecos: gecos ?? '', home: home ?? '', shell: shell || '/bin/sh' };
}

function findByGetent(key: string | number): Account | undefined {
  // getent takes a number for a uid: a name of digits is answered only by an entry that bears it.
  const line = getent('passwd', String(key));
  const account = line === undefined ? undefined : parsePasswordLine(line);
  if (account === undefined) return undefined;
  const matches = typeof key === 'string' ? account.name === key : account.uid === key;
  return matches ? account : undefined;
}

function groupsByGetent(name: string): number[] {
  const line = isLookupName(name) ? getent('initgroups', name) : undefined;
  if (line === undefined) return [];
  return line.split(/\s+/).slice(1).filter(isNumber).map(Number);
}

function getent(database: string, key: string): string | undefined {
  return getentLines(database, [key])[0];
}

function getentLines(database: string, keys: readonly string[]): string[] {
  const run = spawnSync('getent', ['--', database, ...keys], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  // 2: one of the keys is not there.
  return run.status === 0 || run.status === 2 ? run.stdout.split('\n').filter((line) => line !== '') : [];
}

function isLookupName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= maxNameBytes && !/[\0:\n/]/.test(name) && !name.startsWith('-');
}

function isId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id < 0xffffffff;
}

function isNumber(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,10}$/.test(text);
}
