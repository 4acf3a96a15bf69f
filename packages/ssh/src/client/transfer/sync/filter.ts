/** Patterns of paths that a sync leaves out: matched byte by byte, in time bounded by the product of their lengths. */
import { SshError } from '../../../errors.ts';
import { type FileType, type SftpPath, toPathBytes } from '../../../sftp/index.ts';

export interface FilterOptions {
  /**
   * What is left out: neither copied nor, at the target, removed. A pattern without a slash is held against the last name of a path, one
   * with a slash against its end, and one that begins with a slash against all of it, from what was named in the call on. `*` and `?`
   * stand within a name, `**` for any path, `[…]` for a character, and a slash at the end has folders only matched.
   */
  readonly exclude?: readonly SftpPath[];
  /** What is not left out though a pattern of `exclude` matches it. It cannot bring back what is in a folder that is left out. */
  readonly include?: readonly SftpPath[];
}

export type Filter = (path: Buffer, kind: FileType | undefined) => boolean;

/**
 * Whether a path takes part, relative to what was named.
 *
 * @throws SshError `misuse` for a pattern that is empty.
 */
export function makeFilter({ exclude = [], include = [] }: FilterOptions): Filter {
  const out = exclude.map(readPattern);
  const back = include.map(readPattern);
  const isAny = (patterns: readonly Pattern[], path: Buffer, kind: FileType | undefined) =>
    patterns.some((pattern) => (!pattern.isFolder || kind === 'directory') && matches(pattern, path));
  return (path, kind) => !isAny(out, path, kind) || isAny(back, path, kind);
}

/** What one step of a pattern takes: a byte, or a run of any number of them; a `tree` is left out together with the slash behind it. */
interface Step {
  readonly kind: 'byte' | 'run' | 'tree';
  readonly has: (byte: number) => boolean;
}

interface Pattern {
  readonly steps: readonly Step[];
  /** Only from the beginning of the path on; else from that of any of its names. */
  readonly isAnchored: boolean;
  readonly isFolder: boolean;
}

const [star, question, open, close] = [0x2a, 0x3f, 0x5b, 0x5d];
const [backslash, bang, caret, dash, slash] = [0x5c, 0x21, 0x5e, 0x2d, 0x2f];
const any = () => true;
const notSlash = (byte: number) => byte !== slash;

function readPattern(text: SftpPath): Pattern {
  const whole = toPathBytes(text);
  const isAnchored = whole[0] === slash;
  const isFolder = whole.length > 1 && whole[whole.length - 1] === slash;
  const bytes = whole.subarray(isAnchored ? 1 : 0, isFolder ? whole.length - 1 : whole.length);
  if (bytes.length === 0) {
    throw new SshError('a pattern of names is empty', { code: 'misuse', stage: 'sftp' });
  }
  const steps: Step[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [step, length] = readStep(bytes, at);
    steps.push(step);
    at += length;
  }
  return { steps, isAnchored, isFolder };
}

function readStep(bytes: Buffer, at: number): [Step, number] {
  const byte = bytes[at] as number;
  const one = (has: (byte: number) => boolean): Step => ({ kind: 'byte', has });
  if (byte === star) {
    let end = at;
    while (bytes[end] === star) end++;
    if (end - at === 1) return [{ kind: 'run', has: notSlash }, 1];
    // A whole name of stars stands for no folder as well: `a/**/b` is `a/b`, too.
    const isName = (at === 0 || bytes[at - 1] === slash) && bytes[end] === slash;
    return [{ kind: isName ? 'tree' : 'run', has: any }, end - at];
  }
  if (byte === question) return [one(notSlash), 1];
  if (byte === backslash && at + 1 < bytes.length) {
    const meant = bytes[at + 1] as number;
    return [one((other) => other === meant), 2];
  }
  const set = byte === open ? readSet(bytes, at) : undefined;
  if (set !== undefined) return [one((other) => other !== slash && set.has(other)), set.length];
  return [one((other) => other === byte), 1];
}

/** `[a-z]`, `[!a]`; undefined where the bracket is never closed, and means itself. */
function readSet(bytes: Buffer, at: number): { has: (byte: number) => boolean; length: number } | undefined {
  const isNegated = bytes[at + 1] === bang || bytes[at + 1] === caret;
  const start = at + (isNegated ? 2 : 1);
  // A bracket that comes first is one of the set.
  const end = bytes.indexOf(close, start + 1);
  if (end < 0) return undefined;
  const members = new Set<number>();
  for (let index = start; index < end; index++) {
    const low = bytes[index] as number;
    const isRange = bytes[index + 1] === dash && index + 2 < end;
    const high = isRange ? (bytes[index + 2] as number) : low;
    for (let member = low; member <= high; member++) members.add(member);
    if (isRange) index += 2;
  }
  return { has: (byte) => members.has(byte) !== isNegated, length: end + 1 - at };
}

/** Goes through the path once, with the set of steps that may come next: nothing is ever tried again. */
function matches({ steps, isAnchored }: Pattern, path: Buffer): boolean {
  let next = new Set<number>();
  enter(steps, next, 0);
  for (const [index, byte] of path.entries()) {
    const reached = new Set<number>();
    for (const at of next) {
      const step = steps[at];
      if (step === undefined || !step.has(byte)) continue;
      if (step.kind !== 'byte') reached.add(at);
      enter(steps, reached, at + 1);
    }
    if (!isAnchored && byte === slash && index + 1 < path.length) enter(steps, reached, 0);
    next = reached;
    if (next.size === 0 && isAnchored) return false;
  }
  return next.has(steps.length);
}

/** A run may also be of nothing. */
function enter(steps: readonly Step[], into: Set<number>, at: number): void {
  if (into.has(at)) return;
  into.add(at);
  const kind = steps[at]?.kind;
  if (kind === 'run' || kind === 'tree') enter(steps, into, at + 1);
  if (kind === 'tree') enter(steps, into, at + 2);
}
