/** Takes on an account's rights in the calling thread alone, for a moment, and takes root's back. Linux. */
import { endianness } from 'node:os';
import { isForcedOff } from './fast-paths.ts';
import { loadKoffi } from './native.ts';
import type { Account } from './platform.ts';

/** What system calls are numbered as: the C library has no form of these that changes one thread and leaves the others. */
const callNumbers: Readonly<Record<string, { setgroups: number; setresuid: number; setresgid: number }>> = {
  x64: { setgroups: 116, setresuid: 117, setresgid: 119 },
  arm64: { setgroups: 159, setresuid: 147, setresgid: 149 },
};

/**
 * The C library changes the rights of a whole process: it stops every thread of ours, one by one, for each of six changes, which
 * is most of what it takes to read a small file. The kernel keeps rights for each thread.
 */
export interface ThreadRights {
  /** @throws Error where the kernel refuses; what was changed by then is for `restore`. */
  take(account: Account, groups: readonly number[]): void;
  /** False where root's rights do not come back. */
  restore(group: number, groups: readonly number[]): boolean;
}

/** Undefined where the kernel's calls are not known, or NACRE_THREAD_RIGHTS=off asks for the C library's. */
export function threadRights(): ThreadRights | undefined {
  if (isForcedOff('NACRE_THREAD_RIGHTS')) return undefined;
  if (bound === undefined) bound = tryBind();
  return bound ?? undefined;
}

let bound: ThreadRights | null | undefined;

function tryBind(): ThreadRights | null {
  const numbers = process.platform === 'linux' ? callNumbers[process.arch] : undefined;
  if (numbers === undefined || endianness() !== 'LE') return null;
  try {
    return bind(numbers);
  } catch {
    return null;
  }
}

function bind({ setgroups, setresuid, setresgid }: NonNullable<(typeof callNumbers)[string]>): ThreadRights {
  const lib = loadKoffi().load(null);
  const setIds: (call: number, real: number, effective: number, saved: number) => number = lib.func(
    'long syscall(long number, long real, long effective, long saved)',
  );
  const setList: (call: number, count: number, list: Buffer) => number = lib.func(
    'long syscall(long number, long count, void *list)',
  );
  const setGroups = (groups: readonly number[]): boolean => {
    const list = Buffer.alloc(groups.length * 4);
    for (const [i, group] of groups.entries()) list.writeUInt32LE(group, i * 4);
    return setList(setgroups, groups.length, list) === 0;
  };
  /** The real and the saved one stay: signals and the way back depend on them. */
  const setEffective = (call: number, id: number): boolean => setIds(call, -1, id, -1) === 0;
  return {
    take({ uid, gid }, groups) {
      const isTaken = setGroups(groups) && setEffective(setresgid, gid) && setEffective(setresuid, uid);
      if (!isTaken) throw new Error('the system did not give us the rights of the account');
    },
    restore: (group, groups) => setEffective(setresuid, 0) && setEffective(setresgid, group) && setGroups(groups),
  };
}
