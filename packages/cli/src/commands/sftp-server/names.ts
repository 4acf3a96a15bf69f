/** Names of users and groups for listings: from the system's files, and its other databases for what is not there. */
import { readFileSync } from 'node:fs';
import type { AccountNames } from '@nacre/ssh/sftp/server';
import { findAccount, findGroupNames } from '../../os/accounts.ts';

/** Looking names up elsewhere costs a library or a program: most machines have them all in two small files. */
export function accountNames(): AccountNames {
  let users: ReadonlyMap<number, string> | undefined;
  let groups: ReadonlyMap<number, string> | undefined;
  return {
    user(uid) {
      users ??= readNames('/etc/passwd');
      return users.get(uid) ?? findAccount(uid)?.name;
    },
    group(gid) {
      groups ??= readNames('/etc/group');
      return groups.get(gid) ?? findGroupNames([gid])[0];
    },
    home: (name) => homeOf(name),
  };
}

export function homeOf(name: string): string | undefined {
  return findAccount(name)?.home;
}

/** `name:password:number:…`; the first line with a number has it, as in getpwuid(3). */
function readNames(file: string): Map<number, string> {
  const names = new Map<number, string>();
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return names;
  }
  for (const line of text.split('\n')) {
    const [name = '', , number = ''] = line.split(':');
    if (name !== '' && /^\d+$/.test(number) && !names.has(Number(number))) names.set(Number(number), name);
  }
  return names;
}
