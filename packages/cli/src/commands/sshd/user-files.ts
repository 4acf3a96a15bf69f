/** Reads files in a user's home as that user, and refuses those that somebody else could have written. */
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { expandServerTokens, type TokenKeyword } from '@nacre/ssh/config/server';
import { type Account, groupsOf, type ThreadRights, threadRights } from '../../os/index.ts';

/** More is no list of keys; it would be read and searched while everybody else waits. */
const maxUserFileBytes = 16 * 1024 * 1024;

export interface UserFile {
  /** Undefined where there is none that may be used. */
  readonly bytes: Buffer | undefined;
  /** Why a file that is there was refused, in OpenSSH's words. */
  readonly refusal?: string;
}

/**
 * Reads a small regular file with the account's own rights, as OpenSSH does; `strict` adds the checks of StrictModes.
 *
 * @param kind - what it is to hold, for the log.
 */
export function readUserFile(account: Account, path: string, strict: boolean, kind = 'keys'): UserFile {
  try {
    return asAccount(account, () => readHeld(account, path, strict, kind));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { bytes: undefined };
    return {
      bytes: undefined,
      refusal: `Could not open user '${account.name}' authorized ${kind} '${path}': ${message}`,
    };
  }
}

/**
 * A file's name with its tokens; relative to the home. Undefined for a token that is not known (asyncssh 2.23: names with
 * path separators led elsewhere; here names come from the account database, and such a name is refused all the same).
 */
export function expandFile(
  pattern: string,
  { name, uid, home }: Account,
  keyword: TokenKeyword = 'AuthorizedKeysFile',
): string | undefined {
  if (/[/\0]|^\.\.?$/.test(name)) return undefined;
  try {
    const path = expandServerTokens(keyword, pattern, { user: name, userId: uid, home });
    return path.startsWith('/') ? path : `${home}/${path}`;
  } catch {
    return undefined;
  }
}

function readHeld(account: Account, path: string, strict: boolean, kind: string): UserFile {
  // Without O_NONBLOCK a FIFO of the user's would hold up the whole server.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return refuse(`User ${account.name} authorized ${kind} ${path} is not a regular file`);
    const flaw = strict ? pathFlaw(path, stats, account.uid, account.home) : undefined;
    if (flaw !== undefined) return refuse(`Authentication refused: ${flaw}`);
    if (stats.size > maxUserFileBytes) return refuse(`${path} has more than ${maxUserFileBytes} bytes`);
    const bytes = Buffer.allocUnsafe(stats.size);
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(fd, bytes, length, bytes.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return { bytes: bytes.subarray(0, length) };
  } finally {
    closeSync(fd);
  }
}

/**
 * What is wrong with the owner or mode of a file or of a folder above it, in OpenSSH's words: whoever may write there could let
 * anybody in. Folders are looked at up to `home`, or up to the top.
 *
 * @param owner - who may own them besides root.
 */
export function pathFlaw(path: string, stats: Stats, owner: number, home?: string): string | undefined {
  if (!isSafe(owner, stats)) return `bad ownership or modes for file ${path}`;
  const end = home === undefined ? undefined : tryRealpath(home);
  let folder = dirname(realpathSync(path));
  for (;;) {
    if (!isSafe(owner, statSync(folder))) return `bad ownership or modes for directory ${folder}`;
    const parent = dirname(folder);
    if (folder === end || parent === folder) return undefined;
    folder = parent;
  }
}

function isSafe(owner: number, stats: Stats): boolean {
  return (stats.uid === 0 || stats.uid === owner) && (stats.mode & 0o022) === 0;
}

function tryRealpath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/**
 * Runs synchronous code with an account's rights to files. As root sshd could be led through a link to a file that its user may
 * not read. If root's rights do not come back the process ends, since it could serve nobody.
 */
export function asAccount<T>(account: Account, action: () => T): T {
  if (process.getuid?.() !== 0 || account.uid === 0) return action();
  const [group, groups] = [process.getegid?.() ?? 0, process.getgroups?.() ?? []];
  const rights = threadRights() ?? processRights;
  try {
    rights.take(account, groupsOf(account));
    return action();
  } finally {
    if (!rights.restore(group, groups)) process.abort();
  }
}

/** The same for all threads of this process. */
const processRights: ThreadRights = {
  take({ uid, gid }, groups) {
    process.setgroups?.([...groups]);
    process.setegid?.(gid);
    process.seteuid?.(uid);
  },
  restore(group, groups) {
    try {
      process.seteuid?.(0);
      process.setegid?.(group);
      process.setgroups?.([...groups]);
      return true;
    } catch {
      return false;
    }
  },
};

function refuse(refusal: string): UserFile {
  return { bytes: undefined, refusal };
}
