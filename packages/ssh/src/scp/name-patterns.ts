/** Patterns of file names, bytewise: `*`, `?`, `[a-z]`, `{a,b}`; and which names a request for files may bring. */
import { maxBraceExpansions } from '../limits.ts';
import { baseName } from './names.ts';
import { scpError } from './scp-error.ts';

type Token =
  | { readonly kind: 'byte'; readonly byte: number }
  | { readonly kind: 'one' }
  | { readonly kind: 'star' }
  | { readonly kind: 'set'; readonly isNegated: boolean; readonly has: (unit: number) => boolean };

const codes = {
  star: 0x2a,
  question: 0x3f,
  open: 0x5b,
  close: 0x5d,
  backslash: 0x5c,
  braceOpen: 0x7b,
  braceClose: 0x7d,
  comma: 0x2c,
  dash: 0x2d,
  dot: 0x2e,
  colon: 0x3a,
};

/**
 * Whether the whole of a name fits a pattern. A backslash takes the meaning from the character behind it.
 *
 * `?` and `[…]` stand for one byte or for one character of UTF-8: the shell that expanded the pattern at the other end may have
 * done either. The work is bounded by length times length.
 *
 * @throws SshError `limit-exceeded` for braces that stand for too many patterns.
 * @example
 * matchGlob(Buffer.from('*.{jpg,png}'), Buffer.from('a.png')); // true
 */
export function matchGlob(pattern: Uint8Array, name: Uint8Array): boolean {
  return expandBraces(pattern).some((one) => compileGlob(one)(name));
}

/** A pattern without braces, ready to be tried on many names. */
export function compileGlob(pattern: Uint8Array): (name: Uint8Array) => boolean {
  const asBytes = tokenize(Array.from(pattern));
  const patternCharacters = toCharacters(pattern);
  const asCharacters = patternCharacters && tokenize(patternCharacters);
  return (name) => {
    if (fits(asBytes, name)) return true;
    const characters = asCharacters && toCharacters(name);
    return characters !== undefined && fits(asCharacters as Token[], characters);
  };
}

/** Whether anything in a pattern is more than itself. Braces do not count: without a comma they are plain text. */
export function hasWildcards(pattern: Uint8Array): boolean {
  for (let at = 0; at < pattern.length; at++) {
    const byte = pattern[at];
    if (byte === codes.backslash) at++;
    else if (byte === codes.star || byte === codes.question || byte === codes.open) return true;
  }
  return false;
}

/**
 * The patterns that one with braces stands for: `a{b,c}` is `ab` and `ac`. Braces may stand in each other; those without a
 * partner, and `{}`, are plain text.
 *
 * @throws SshError `limit-exceeded` beyond 1,024 patterns.
 */
export function expandBraces(pattern: Uint8Array): Buffer[] {
  const done: Buffer[] = [];
  const open: Buffer[] = [Buffer.from(pattern)];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const choices = expandFirst(next);
    if (choices === undefined) done.push(next);
    else open.push(...choices.reverse());
    if (done.length + open.length > maxBraceExpansions) {
      throw scpError('limit-exceeded', `the braces of a pattern stand for more than ${maxBraceExpansions} names`);
    }
  }
  return done;
}

/** Which names a source that was asked for paths may send at the top (CVE-2019-6111). */
export interface RequestedNames {
  /** Whether a name is one that was asked for. */
  has(name: Uint8Array): boolean;
}

/**
 * The names that a request for a path may bring: the last component, read as a pattern where a remote shell reads it so.
 *
 * @param path - as it was handed to the remote shell, or the plain path where it was quoted for it.
 * @param reading - `pattern` where the remote shell expands wildcards; `literal` where the path was quoted.
 */
export function requestedNames(path: Uint8Array, reading: 'literal' | 'pattern'): RequestedNames {
  if (reading === 'literal') {
    const wanted = baseName(path);
    return { has: (name) => Buffer.compare(wanted, name) === 0 };
  }
  const patterns = expandBraces(path).map((one) => baseName(one));
  const tests = patterns.map(visiblyGlob);
  // A file may be called *, the shell leaves a pattern as it is where nothing fits it, and plain sh knows no braces.
  const literals = [...patterns, baseName(path)];
  return {
    has: (name) => literals.some((one) => Buffer.compare(one, name) === 0) || tests.some((test) => test(name)),
  };
}

/**
 * A shell's wildcards find no name that begins with a dot unless the pattern does: who asked for `*` has not asked for `.bashrc`.
 * OpenSSH lets those in.
 */
function visiblyGlob(pattern: Uint8Array): (name: Uint8Array) => boolean {
  const fitsPattern = compileGlob(pattern);
  const first = pattern[0] === codes.backslash ? pattern[1] : pattern[0];
  return (name) => (name[0] !== codes.dot || first === codes.dot) && fitsPattern(name);
}

/** Only the latest star is ever retried (OpenSSH 10.4, libssh CVE-2026-0967: exponential wildcards). */
function fits(tokens: readonly Token[], units: ArrayLike<number>): boolean {
  let at = 0;
  let next = 0;
  let starAt = -1;
  let retryFrom = 0;
  while (at < units.length) {
    const token = tokens[next];
    if (token?.kind === 'star') {
      starAt = next++;
      retryFrom = at;
    } else if (token !== undefined && accepts(token, units[at] as number)) {
      at++;
      next++;
    } else if (starAt >= 0) {
      next = starAt + 1;
      at = ++retryFrom;
    } else return false;
  }
  while (tokens[next]?.kind === 'star') next++;
  return next === tokens.length;
}

function accepts(token: Token, unit: number): boolean {
  if (token.kind === 'byte') return token.byte === unit;
  return token.kind === 'set' ? token.has(unit) !== token.isNegated : true;
}

function tokenize(units: readonly number[]): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < units.length; at++) {
    const unit = units[at] as number;
    if (unit === codes.star) tokens.push({ kind: 'star' });
    else if (unit === codes.question) tokens.push({ kind: 'one' });
    else if (unit === codes.backslash && at + 1 < units.length) {
      tokens.push({ kind: 'byte', byte: units[++at] as number });
    } else {
      const set = unit === codes.open ? readSet(units, at) : undefined;
      if (set === undefined) tokens.push({ kind: 'byte', byte: unit });
      else {
        tokens.push(set.token);
        at = set.end;
      }
    }
  }
  return tokens;
}

/** A bracket expression (POSIX XCU §2.13.1); undefined where the bracket has no partner and is plain text. */
function readSet(units: readonly number[], start: number): { token: Token; end: number } | undefined {
  let at = start + 1;
  const isNegated = units[at] === 0x21 || units[at] === 0x5e;
  if (isNegated) at++;
  const ranges: [from: number, to: number][] = [];
  const classes: ((unit: number) => boolean)[] = [];
  for (let isFirst = true; ; isFirst = false) {
    let from = units[at];
    if (from === undefined) return undefined;
    if (from === codes.close && !isFirst) break;
    if (from === codes.open && units[at + 1] === codes.colon) {
      const named = readClass(units, at);
      if (named !== undefined) {
        classes.push(named.has);
        at = named.end + 1;
        continue;
      }
    }
    if (from === codes.backslash && units[at + 1] !== undefined) from = units[++at] as number;
    at++;
    let to = from;
    if (units[at] === codes.dash && units[at + 1] !== undefined && units[at + 1] !== codes.close) {
      to = units[++at] as number;
      if (to === codes.backslash && units[at + 1] !== undefined) to = units[++at] as number;
      at++;
    }
    ranges.push([from, to]);
  }
  const has = (unit: number) =>
    ranges.some(([from, to]) => from <= unit && unit <= to) || classes.some((test) => test(unit));
  return { token: { kind: 'set', isNegated, has }, end: at };
}

const classTests: Readonly<Record<string, RegExp>> = {
  alnum: /[a-z0-9]/i,
  alpha: /[a-z]/i,
  blank: /[ \t]/,
  cntrl: /[\0-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t-\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9a-f]/i,
};

function readClass(
  units: readonly number[],
  start: number,
): { has: (unit: number) => boolean; end: number } | undefined {
  const end = units.indexOf(codes.colon, start + 2);
  if (end < 0 || units[end + 1] !== codes.close) return undefined;
  const test = classTests[String.fromCodePoint(...units.slice(start + 2, end))];
  return test && { has: (unit) => test.test(String.fromCodePoint(unit)), end: end + 1 };
}

/** Code points of UTF-8; undefined for bytes that are none, and for ASCII, where they are the bytes. */
function toCharacters(bytes: Uint8Array): number[] | undefined {
  if (!bytes.some((byte) => byte >= 0x80)) return Array.from(bytes);
  try {
    return Array.from(utf8.decode(bytes), (character) => character.codePointAt(0) as number);
  } catch {
    return undefined;
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The choices of the first pair of braces, each with what stands around it; undefined where there is none. */
function expandFirst(pattern: Buffer): Buffer[] | undefined {
  for (let start = 0; start < pattern.length; start++) {
    const byte = pattern[start];
    if (byte === codes.backslash) start++;
    else if (byte === codes.open) start = skipBrackets(pattern, start);
    else if (byte === codes.braceOpen) {
      if (pattern[start + 1] === codes.braceClose) start++;
      else {
        const commas = findChoices(pattern, start);
        if (commas !== undefined) return cut(pattern, commas);
      }
    }
  }
  return undefined;
}

/** Where the opening brace, the commas of its level and its closing brace stand. */
function findChoices(pattern: Buffer, start: number): number[] | undefined {
  const places = [start];
  let depth = 0;
  for (let at = start + 1; at < pattern.length; at++) {
    const byte = pattern[at];
    if (byte === codes.backslash) at++;
    else if (byte === codes.open) at = skipBrackets(pattern, at);
    else if (byte === codes.braceOpen) depth++;
    else if (byte === codes.comma && depth === 0) places.push(at);
    else if (byte === codes.braceClose && depth-- === 0) {
      places.push(at);
      return places;
    }
  }
  return undefined;
}

function cut(pattern: Buffer, places: readonly number[]): Buffer[] {
  const head = pattern.subarray(0, places[0]);
  const tail = pattern.subarray((places.at(-1) as number) + 1);
  return places
    .slice(1)
    .map((end, index) => Buffer.concat([head, pattern.subarray((places[index] as number) + 1, end), tail]));
}

/** The end of a bracket expression that begins here, or here itself. */
function skipBrackets(pattern: Buffer, start: number): number {
  const end = pattern.indexOf(codes.close, start + 2);
  return end < 0 ? start : end;
}
