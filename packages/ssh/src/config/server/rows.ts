/** How values of sshd_config are read and written back: the kinds of rows that several keywords share. */
import { type AlgorithmKindName, algorithmKinds, resolveAlgorithmList } from '../algorithm-list.ts';
import { ValueError } from '../place.ts';
import {
  type AlgorithmSpec,
  choice,
  type Given,
  type KeywordRow,
  type Missing,
  only,
  parseSeconds,
  quoteWord,
  row,
  single,
} from '../values.ts';

/** A keyword of sshd_config. */
export interface ServerRow<T> extends KeywordRow<T> {
  /** It may stand in a Match block. */
  readonly mayMatch: boolean;
  /** Its value is the rest of the line, whatever stands in it. */
  readonly takesRest?: boolean;
  /** What becomes of a line that asks for what is not served here. */
  readonly policy?: UnservedPolicy<T>;
  /** How what Match blocks say joins what stands outside of them; without it, it takes its place. */
  merge?(outside: T, inBlocks: T): T;
}

/** What becomes of a line whose keyword has no effect. */
export interface UnservedPolicy<T> {
  /** `refuse`: without it the server would let in or allow more than the file says; `warn`: its silence weakens nothing. */
  readonly kind: 'refuse' | 'warn';
  /** Whether a value asks for nothing but what is done anyway. */
  isHarmless(value: T): boolean;
  /** What is said of a line that is refused, where OpenSSH or the keyword has words of its own. */
  readonly complaint?: string;
}

/** A keyword that Match blocks may set. */
export function anywhere<T>(base: KeywordRow<T>): ServerRow<T> {
  return { ...base, mayMatch: true };
}

/** A keyword that holds for the server as a whole. */
export function global<T>(base: KeywordRow<T>): ServerRow<T> {
  return { ...base, mayMatch: false };
}

/**
 * A keyword that is read and has no effect, without which more would be allowed than the file says: the server does not start.
 *
 * @param off - the value that asks for nothing; it takes the place of OpenSSH's default, so that a dump says what is done.
 */
export function refused<T>(base: ServerRow<T>, why: string, off: T, complaint?: string): ServerRow<T> {
  const isHarmless = (value: T): boolean => base.format(value).join() === base.format(off).join();
  const policy = { kind: 'refuse', isHarmless, ...(complaint !== undefined && { complaint }) } as const;
  return { ...base, initial: off, unserved: why, policy };
}

/**
 * A keyword that is read and has no effect, whose silence weakens nothing: the server says so and goes on.
 *
 * @param off - further values of which nothing is said, besides the default.
 */
export function ignored<T>(base: ServerRow<T>, why: string, ...off: readonly T[]): ServerRow<T> {
  const texts = new Set([base.initial, ...off].map((value) => base.format(value).join()));
  return {
    ...base,
    unserved: why,
    policy: { kind: 'warn', isHarmless: (value) => texts.has(base.format(value).join()) },
  };
}

/** One word; sshd names the keyword where it is missing. */
export function oneWord<T>(
  name: string,
  initial: T,
  parse: (word: string, given: Given) => T,
  format: (value: T) => string,
  missing: Missing = (keyword) => `${keyword} missing argument.`,
): KeywordRow<T> {
  return single(name, initial, parse, format, missing);
}

/** One of some words in any case, with sshd's complaint where there is none. */
export function states<const T extends string>(
  name: string,
  initial: T,
  words: readonly (readonly [word: string, value: T])[],
): KeywordRow<T> {
  return choice(name, initial, words, 'missing argument.');
}

/** yes or no; sshd takes no other words for them. */
export function flag(name: string, initial: boolean): KeywordRow<boolean> {
  return oneWord(
    name,
    initial,
    (word) => {
      const value = word.toLowerCase();
      if (value !== 'yes' && value !== 'no') throw new ValueError(`unsupported option "${word}".`);
      return value === 'yes';
    },
    (value) => (value ? 'yes' : 'no'),
    'missing argument.',
  );
}

/** A whole number from 0 on. */
export function count(name: string, initial: number): KeywordRow<number> {
  return oneWord(name, initial, parseCount, String);
}

export function parseCount(word: string, { keyword }: Pick<Given, 'keyword'>): number {
  if (!/^[+-]?\d{1,18}$/.test(word)) throw new ValueError(`${keyword} integer value invalid.`);
  const value = Number(word);
  if (value < 0) throw new ValueError(`${keyword} integer value too small.`);
  if (value > 0x7fff_ffff) throw new ValueError(`${keyword} integer value too large.`);
  return value;
}

/** Seconds, or a time with units. */
export function time(name: string, initial: number): KeywordRow<number> {
  return oneWord(name, initial, parseSeconds, String, 'missing time value.');
}

/** A file; `none` is undefined. A relative name counts from the folder in which the server was started. */
export function file(name: string, initial: string | undefined): KeywordRow<string | undefined> {
  const parse = (word: string, { absolute }: Given) => (isNone(word) ? undefined : (absolute?.(word) ?? word));
  return oneWord<string | undefined>(name, initial, parse, formatOptional, 'missing file name.');
}

/** A word that stays as it is; `none` is undefined. */
export function word(name: string, initial: string | undefined = undefined): KeywordRow<string | undefined> {
  return oneWord<string | undefined>(name, initial, (text) => (isNone(text) ? undefined : text), formatOptional);
}

/** The rest of the line as it was typed; `none` is undefined. */
export function restOfLine(
  name: string,
  check: (text: string, given: Given) => void = () => {},
): KeywordRow<string | undefined> & { readonly takesRest: true } {
  const read = (given: Given): string | undefined => {
    if (isNone(given.rest)) return undefined;
    check(given.rest, given);
    return given.rest;
  };
  // An equals sign in front would be taken for the one that may stand behind a keyword.
  const format = (value: string | undefined): string[] => [
    value === undefined ? 'none' : value.startsWith('=') ? `= ${value}` : value,
  ];
  return { ...row<string | undefined>(name, undefined, read, format), takesRest: true };
}

/** Words of any number in any number of lines, a line of the dump each. */
export function eachWord(name: string, check: (text: string, given: Given) => void): KeywordRow<readonly string[]> {
  return row<readonly string[]>(
    name,
    [],
    (given, before = []) => {
      for (const text of given.words) check(text, given);
      return [...before, ...given.words];
    },
    (value) => value.map(quoteWord),
    true,
  );
}

/** A file a line, every line adds one. */
export function eachFile(name: string): KeywordRow<readonly string[]> {
  return row<readonly string[]>(
    name,
    [],
    (given, before = []) => {
      const path = only(given, 'missing file name.');
      return isNone(path) ? before : [...before, given.absolute?.(path) ?? path];
    },
    (value) => value.map(quoteWord),
    true,
  );
}

/** A list of algorithm names, settled against what there is. */
export interface AlgorithmChoice {
  readonly names: readonly string[];
  /** Names of OpenSSH's that are not built here, left out. */
  readonly lacking: readonly string[];
}

const kinds = algorithmKinds('server');

/** `a,b`, `+a`, `-pattern`, `^a`, as sshd_config(5) describes for Ciphers. */
export function algorithms(name: string, kind: AlgorithmKindName): KeywordRow<AlgorithmChoice> {
  return row<AlgorithmChoice>(
    name,
    { names: kinds[kind].defaults, lacking: [] },
    (given) => {
      const text = only(given);
      const spec: AlgorithmSpec = { text, place: given.place };
      if (
        text
          .replace(/^[+^-]/, '')
          .split(',')
          .includes('')
      )
        throw new ValueError(`${kinds[kind].complaint} '${text}'.`);
      return resolveAlgorithmList(spec, kinds[kind]);
    },
    ({ names }) => [names.join(',')],
  );
}

export function isNone(text: string): boolean {
  return text.toLowerCase() === 'none';
}

function formatOptional(value: string | undefined): string {
  return value === undefined ? 'none' : quoteWord(value);
}

/** Has a pattern checked, and complains in other words. */
export function requirePattern(check: () => unknown, complaint: string): void {
  try {
    check();
  } catch (cause) {
    throw new ValueError(complaint, { cause });
  }
}
