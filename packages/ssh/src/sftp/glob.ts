/** Patterns of names on a server: matched byte by byte, so that names in any encoding are found. */
import { SshError } from '../errors.ts';
import { type FileAttributes, fileType } from './attributes.ts';
import type { SftpCalls } from './calls.ts';
import { type SftpPath, toPathBytes } from './name.ts';
import { joinPath } from './paths.ts';
import type { CallOptions } from './requests.ts';

export interface GlobOptions extends CallOptions {
  /** Told of folders that cannot be read: they hold nothing. */
  readonly onUnreadable?: (folder: Buffer, error: SshError) => void;
}

/** What a pattern found. */
export interface GlobMatch {
  readonly path: Buffer;
  /** As the listing tells, of the entry itself; undefined where a name stands in the pattern as it is. */
  readonly attributes: FileAttributes | undefined;
}

const [star, question, open, close, backslash, bang, caret, dash, dot, slash] = [...Buffer.from('*?[]\\!^-./')] as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

/** Whether a pattern has anything in it that a plain name has not. */
export function hasGlob(pattern: SftpPath): boolean {
  return toPathBytes(pattern).some((byte) => byte === star || byte === question || byte === open || byte === backslash);
}

/**
 * The paths that a pattern means, sorted by their bytes: `*`, `?` and `[…]` within a name, `\` before what is meant as it is. As in a
 * shell, a name that begins with a dot is found only by a dot, and a pattern without any of these is itself, there or not.
 *
 * Folders that cannot be read hold nothing.
 *
 * @example
 * for (const { path } of await expandGlob(sftp, 'logs/2026-*.gz')) await sftp.remove(path);
 */
export async function expandGlob(calls: SftpCalls, pattern: SftpPath, options?: GlobOptions): Promise<GlobMatch[]> {
  const bytes = toPathBytes(pattern);
  if (!hasGlob(bytes)) return [{ path: bytes, attributes: undefined }];
  const parts = splitAtSlashes(bytes);
  const isAbsolute = bytes[0] === slash;
  let found: GlobMatch[] = [{ path: isAbsolute ? bytes.subarray(0, 1) : Buffer.alloc(0), attributes: undefined }];
  let isSure = true;
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (!hasGlob(part)) {
      found = found.map(({ path }) => ({ path: joinPath(path, part), attributes: undefined }));
      isSure = false;
      continue;
    }
    const next: GlobMatch[] = [];
    for (const { path } of found) next.push(...(await matchesIn(calls, path, part, isLast, options)));
    found = next;
    isSure = true;
  }
  if (!isSure) found = await thoseThatAreThere(calls, found, options);
  return found.sort((a, b) => Buffer.compare(a.path, b.path));
}

/** Whether a name matches a pattern that has no slash in it. The time is bounded by the product of their lengths. */
export function matchGlob(pattern: Uint8Array, name: Uint8Array): boolean {
  if (name[0] === dot && pattern[0] !== dot && !(pattern[0] === backslash && pattern[1] === dot)) return false;
  let at = 0;
  let inName = 0;
  let starAt = -1;
  let starName = 0;
  while (inName < name.length) {
    const step = at < pattern.length && pattern[at] !== star ? matchOne(pattern, at, name[inName] as number) : 0;
    if (step > 0) {
      at += step;
      inName++;
    } else if (pattern[at] === star && at < pattern.length) {
      starAt = at++;
      starName = inName;
    } else if (starAt >= 0) {
      // Only the last star has to be tried again with one byte more: what came before it fits already.
      at = starAt + 1;
      inName = ++starName;
    } else return false;
  }
  while (pattern[at] === star) at++;
  return at >= pattern.length;
}

/** How many bytes of the pattern match this byte; 0 where they do not. */
function matchOne(pattern: Uint8Array, at: number, byte: number): number {
  const first = pattern[at];
  if (first === question) return 1;
  if (first === backslash && at + 1 < pattern.length) return pattern[at + 1] === byte ? 2 : 0;
  if (first === open) {
    const end = endOfClass(pattern, at);
    if (end > 0) return isInClass(pattern, at + 1, end, byte) ? end + 1 - at : 0;
  }
  return first === byte ? 1 : 0;
}

/** Where the `]` of a class stands; 0 where there is none, and the bracket is a bracket. */
function endOfClass(pattern: Uint8Array, at: number): number {
  let index = at + 1;
  if (pattern[index] === bang || pattern[index] === caret) index++;
  // A bracket that comes first is one of the class.
  for (let isFirst = true; index < pattern.length; isFirst = false, index++) {
    if (pattern[index] === close && !isFirst) return index;
    if (pattern[index] === backslash) index++;
  }
  return 0;
}

function isInClass(pattern: Uint8Array, start: number, end: number, byte: number): boolean {
  const isNegated = pattern[start] === bang || pattern[start] === caret;
  let isIn = false;
  for (let at = isNegated ? start + 1 : start; at < end; at++) {
    if (pattern[at] === backslash && at + 1 < end) at++;
    const low = pattern[at] as number;
    let high = low;
    if (pattern[at + 1] === dash && at + 2 < end) {
      at += 2;
      if (pattern[at] === backslash && at + 1 < end) at++;
      high = pattern[at] as number;
    }
    if (low <= byte && byte <= high) isIn = true;
  }
  return isIn !== isNegated;
}

async function matchesIn(
  calls: SftpCalls,
  folder: Buffer,
  part: Buffer,
  isLast: boolean,
  options: GlobOptions | undefined,
): Promise<GlobMatch[]> {
  const found: GlobMatch[] = [];
  try {
    for await (const { bytes, attributes } of calls.readdir(folder.length === 0 ? '.' : folder, options)) {
      const type = fileType(attributes);
      // Not the last: only what can hold something.
      if (!isLast && type !== undefined && type !== 'directory' && type !== 'symlink') continue;
      if (matchGlob(part, bytes)) found.push({ path: joinPath(folder, bytes), attributes });
    }
  } catch (error) {
    if (!isRefusal(error)) throw error;
    options?.onUnreadable?.(folder, error);
  }
  return found;
}

async function thoseThatAreThere(
  calls: SftpCalls,
  found: readonly GlobMatch[],
  options: CallOptions | undefined,
): Promise<GlobMatch[]> {
  const there = await Promise.all(
    found.map(async ({ path }) => {
      try {
        return [{ path, attributes: await calls.lstat(path, options) }];
      } catch (error) {
        if (!isRefusal(error)) throw error;
        return [];
      }
    }),
  );
  return there.flat();
}

/** What the server says of a path, and no end of the session. */
function isRefusal(error: unknown): error is SshError {
  return error instanceof SshError && ['no-such-file', 'permission-denied', 'operation-failed'].includes(error.code);
}

function splitAtSlashes(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(slash, start);
    const part = bytes.subarray(start, end < 0 ? bytes.length : end);
    if (part.length > 0) parts.push(part);
    start = end < 0 ? bytes.length : end + 1;
  }
  return parts;
}
