/**
 * How many files a session may have open. Node raises its own limit as far as it can, and programs that it starts would inherit
 * that; some of them (old select loops, Java) do badly with a large one.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { loadKoffi } from './native.ts';

export interface FileLimit {
  readonly soft: bigint;
  readonly hard: bigint;
}

/** Set by the launcher, which runs before Node, and handed on from process to process. */
export const openFilesVariable = 'NACRE_OPEN_FILES';

/** RLIMIT_NOFILE; the structure holds two numbers of 64 bits. */
const openFiles = process.platform === 'linux' ? 7 : 8;
const limitBytes = 16;

/** The limit that this process was started with: what the launcher said, or else what its parent has. */
export function findSessionLimit(): bigint | undefined {
  const said = process.env[openFilesVariable];
  if (said !== undefined && /^\d{1,18}$/.test(said)) return BigInt(said);
  const soft = readLimitOf(process.ppid)?.soft;
  // Who started us may be gone later.
  if (soft !== undefined) process.env[openFilesVariable] = String(soft);
  return soft;
}

/** What another process may open, from the kernel's table; undefined where that cannot be read, or is without end. */
export function readLimitOf(pid: number): FileLimit | undefined {
  try {
    const [, soft, hard] = /^Max open files +(\d+) +(\d+) /m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? [];
    return soft === undefined || hard === undefined ? undefined : { soft: BigInt(soft), hard: BigInt(hard) };
  } catch {
    return undefined;
  }
}

/** What this process may open now. */
export function readOwnLimit(): FileLimit {
  const bytes = Buffer.alloc(limitBytes);
  if (calls().getrlimit(openFiles, bytes) === -1) throw new Error('getrlimit failed');
  return { soft: bytes.readBigUInt64LE(0), hard: bytes.readBigUInt64LE(8) };
}

/** @returns false where the system does not let us. */
export function setOwnLimit(limit: FileLimit): boolean {
  return calls().setrlimit(openFiles, encodeLimit(limit)) === 0;
}

/**
 * Starts a program under the session's limit. `start` must have started it when it returns; it is called a second time where our
 * own open files leave no room below the limit.
 */
export function startUnderLimit(start: () => ChildProcess): ChildProcess {
  const child = underLimit(start);
  const wanted = findSessionLimit();
  const own = wanted === undefined || child.pid !== undefined ? undefined : tryReadOwn();
  if (wanted === undefined || own === undefined || wanted >= own.soft) return child;
  // Too many files below the limit are ours. Most of these programs wait for what comes by a pipe before they run anything.
  child.on('error', () => {});
  const again = start();
  if (again.pid !== undefined)
    calls().prlimit?.(again.pid, openFiles, encodeLimit({ soft: wanted, hard: own.hard }), null);
  return again;
}

/** Does something under the session's limit, as far as that is below ours and the system lets us. */
export function underLimit<T>(action: () => T): T {
  const wanted = findSessionLimit();
  const own = wanted === undefined ? undefined : tryReadOwn();
  if (wanted === undefined || own === undefined || wanted >= own.soft) return action();
  if (!setOwnLimit({ soft: wanted, hard: own.hard })) return action();
  try {
    return action();
  } finally {
    setOwnLimit(own);
  }
}

function tryReadOwn(): FileLimit | undefined {
  try {
    return readOwnLimit();
  } catch {
    return undefined;
  }
}

function encodeLimit({ soft, hard }: FileLimit): Buffer {
  const bytes = Buffer.alloc(limitBytes);
  bytes.writeBigUInt64LE(soft < hard ? soft : hard, 0);
  bytes.writeBigUInt64LE(hard, 8);
  return bytes;
}

interface Calls {
  getrlimit(resource: number, limits: Buffer): number;
  setrlimit(resource: number, limits: Buffer): number;
  /** Linux only. */
  prlimit?(pid: number, resource: number, limits: Buffer, old: null): number;
}

let bound: Calls | undefined;

function calls(): Calls {
  if (bound !== undefined) return bound;
  const lib = loadKoffi().load(null);
  bound = {
    getrlimit: lib.func('int getrlimit(int resource, void *limits)'),
    setrlimit: lib.func('int setrlimit(int resource, void *limits)'),
    ...(process.platform === 'linux' && {
      prlimit: lib.func('int prlimit(int pid, int resource, void *limits, void *old)'),
    }),
  };
  return bound;
}
