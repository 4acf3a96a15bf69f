/** Paths as bytes. */
import { existsSync } from 'node:fs';
import type { Awaitable } from '../../sftp/server/index.ts';

const slash = 0x2f;
const separator = Buffer.of(slash);

export function joinPath(folder: Buffer, name: Buffer): Buffer {
  return folder.at(-1) === slash ? Buffer.concat([folder, name]) : Buffer.concat([folder, separator, name]);
}

export function isAbsolute(path: Buffer): boolean {
  return path[0] === slash;
}

/** The names of a path, without empty ones and dots that mean nothing. */
export function splitPath(path: Buffer): Buffer[] {
  const names: Buffer[] = [];
  for (let start = 0; start <= path.length; ) {
    const found = path.indexOf(slash, start);
    const end = found < 0 ? path.length : found;
    const name = path.subarray(start, end);
    if (name.length > 0 && !isDot(name)) names.push(name);
    start = end + 1;
  }
  return names;
}

export function isDot(name: Buffer): boolean {
  return name.length === 1 && name[0] === 0x2e;
}

export function isDotDot(name: Buffer): boolean {
  return name.length === 2 && name[0] === 0x2e && name[1] === 0x2e;
}

/** An absolute path of names. */
export function formatPath(names: readonly Buffer[]): Buffer {
  return names.length === 0 ? separator : Buffer.concat(names.flatMap((name) => [separator, name]));
}

const descriptors = '/proc/self/fd';
/** Looked for when first used: by then this process may be shut into a folder where they are not. */
let hasDescriptors: boolean | undefined;

/**
 * The path of what a descriptor stands for, which nobody can put anything else in place of; undefined on systems that have no
 * such paths.
 */
export function throughDescriptor(fd: number): Buffer | undefined {
  hasDescriptors ??= process.platform === 'linux' && existsSync(descriptors);
  return hasDescriptors ? Buffer.from(`${descriptors}/${fd}`) : undefined;
}

/** Makes every call, also behind one that fails, and throws the first failure. */
export function attempt(calls: readonly (() => Awaitable<unknown>)[]): Awaitable<void> {
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
  };
  const goOn = (from: number): Awaitable<void> => {
    for (const [index, call] of calls.slice(from).entries()) {
      try {
        const ends = call();
        if (ends instanceof Promise) return ends.catch(fail).then(() => goOn(from + index + 1));
      } catch (error) {
        fail(error);
      }
    }
    if (failure !== undefined) throw failure.error;
  };
  return goOn(0);
}
