/** How values are read and written back: one small builder for each kind of keyword. */
import { parseDuration } from '../keys/index.ts';
import { type ConfigPlace, ValueError } from './place.ts';

/** What stands behind a keyword: at least one word. */
export interface Given {
  readonly words: readonly string[];
  readonly rest: string;
  readonly place: ConfigPlace;
  /** For error texts: in lower case in ssh_config, as it was typed in sshd_config. */
  readonly keyword: string;
  /** Makes a file name count from the folder the program was started in, and expands `~`; undefined where names stay as they are. */
  readonly absolute?: (path: string) => string;
}

/** A keyword: how its value is read, what it is where nobody says anything, and how `-G` and `-T` print it. */
export interface KeywordRow<T> {
  /** As the manual writes it. */
  readonly name: string;
  readonly initial: T;
  /** Every line adds to the value; otherwise the first line counts. */
  readonly accumulates: boolean;
  /**
   * @param before - what earlier lines gave; undefined for the first.
   * @throws ValueError
   */
  read(given: Given, before: T | undefined): T;
  /** The texts of its lines in a dump, without the keyword; none where nothing is to be printed. */
  format(value: T): readonly string[];
  /** Why the keyword has no effect here, where it has none: told when it would have mattered. */
  readonly unserved?: string;
}

export function row<T>(
  name: string,
  initial: T,
  read: KeywordRow<T>['read'],
  format: KeywordRow<T>['format'],
  accumulates = false,
): KeywordRow<T> {
  return { name, initial, read, format, accumulates };
}

/** A row that is read and checked, and has no effect. */
export function unserved<T>(base: KeywordRow<T>, why: string): KeywordRow<T> {
  return { ...base, unserved: why };
}

/** What is complained of where a keyword has no word behind it; a function is given the keyword. */
export type Missing = string | ((keyword: string) => string);

/** The one word of a keyword that takes one. */
export function only({ words, keyword }: Given, missing: Missing = 'Missing argument.'): string {
  if (words.length > 1) throw new ValueError(`keyword ${keyword} extra arguments at end of line`);
  const [word] = words;
  if (word === undefined || word === '') {
    throw new ValueError(typeof missing === 'string' ? missing : missing(keyword));
  }
  return word;
}

/** One word, read and printed by functions; the first line counts. */
export function single<T>(
  name: string,
  initial: T,
  parse: (word: string, given: Given) => T,
  format: (value: T) => string,
  missing?: Missing,
): KeywordRow<T> {
  return row(
    name,
    initial,
    (given) => parse(only(given, missing), given),
    (value) => [format(value)],
  );
}

/** yes and no; the dump says the same. */
export function flag(name: string, initial: boolean): KeywordRow<boolean> {
  return single(name, initial, parseFlag, (value) => (value ? 'yes' : 'no'));
}

export function parseFlag(word: string): boolean {
  const value = flagWords.get(word.toLowerCase());
  if (value === undefined) throw new ValueError(`unsupported option "${word}".`);
  return value;
}

const flagWords: ReadonlyMap<string, boolean> = new Map([
  ['yes', true],
  ['true', true],
  ['no', false],
  ['false', false],
]);

/**
 * One of some words, upper or lower case.
 *
 * @param words - word to value. The dump prints the first word of a value, which need not be the usual one.
 */
export function choice<const T extends string>(
  name: string,
  initial: T,
  words: readonly (readonly [word: string, value: T])[],
  missing?: Missing,
): KeywordRow<T> {
  return single<T>(
    name,
    initial,
    (word) => {
      const found = words.find(([known]) => known === word.toLowerCase());
      if (found === undefined) throw new ValueError(`unsupported option "${word}".`);
      return found[1];
    },
    (value) => words.find(([, known]) => known === value)?.[0] ?? value,
    missing,
  );
}

/** `true` and `false` before `yes` and `no`: so the dump prints keywords that know more than two words. */
export const yesNo = [
  ['true', 'yes'],
  ['false', 'no'],
  ['yes', 'yes'],
  ['no', 'no'],
] as const;

export function integer(name: string, initial: number, least: number, most = 0x7fff_ffff): KeywordRow<number> {
  return single(name, initial, (word) => parseInteger(word, least, most), String);
}

export function parseInteger(word: string, least: number, most: number): number {
  if (!/^[+-]?\d{1,18}$/.test(word)) throw new ValueError(`integer value ${word} is invalid.`);
  const value = Number(word);
  if (value < least) throw new ValueError(`integer value ${word} is too small.`);
  if (value > most) throw new ValueError(`integer value ${word} is too large.`);
  return value;
}

export function port(name: string, initial: number): KeywordRow<number> {
  return single(
    name,
    initial,
    (word) => {
      const value = /^\d{1,5}$/.test(word) ? Number(word) : 0;
      if (value < 1 || value > 65_535) throw new ValueError(`Bad port '${word}'.`);
      return value;
    },
    String,
  );
}

/** Seconds, or a time with units (`1h30m`). */
export function seconds(name: string, initial: number): KeywordRow<number> {
  return single(name, initial, parseSeconds, String);
}

/** sshd_config(5), TIME FORMATS. */
export function parseSeconds(word: string): number {
  if (word === '') throw new ValueError('missing time value.');
  const seconds = parseDuration(word);
  if (seconds === undefined) throw new ValueError('invalid time value.');
  return seconds;
}

/** Bytes, with K, M or G. */
export function parseBytes(word: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,15})([kmg]?)$/i.exec(word) ?? [];
  if (digits === '') throw new ValueError(`Bad number '${word}': invalid format`);
  const bytes = Number(digits) * 1024 ** ' kmg'.indexOf(unit.toLowerCase() || ' ');
  if (!Number.isSafeInteger(bytes)) throw new ValueError(`Bad number '${word}': too large`);
  return bytes;
}

/** A word that may be left unsaid: nothing is printed then. */
export function text(name: string): KeywordRow<string | undefined> {
  return row<string | undefined>(name, undefined, only, (value) => (value === undefined ? [] : [quoteWord(value)]));
}

/** The rest of the line as typed: a command. */
export function command(name: string): KeywordRow<string | undefined> {
  return row<string | undefined>(
    name,
    undefined,
    ({ rest }) => {
      if (rest === '') throw new ValueError('Missing argument.');
      return rest;
    },
    (value) => (value === undefined ? [] : [value]),
  );
}

/** Several words in one line; the first line counts. `none` must stand alone. */
export function list(name: string, initial: readonly string[], whenEmpty?: string): KeywordRow<readonly string[]> {
  return row(
    name,
    initial,
    ({ words, keyword }) => {
      if (words.includes('')) throw new ValueError(`keyword ${keyword} empty argument`);
      if (words.length > 1 && words.some((word) => word.toLowerCase() === 'none')) {
        throw new ValueError(noneAlone(keyword));
      }
      return words;
    },
    (value) => (value.length > 0 ? [value.map(quoteWord).join(' ')] : whenEmpty === undefined ? [] : [whenEmpty]),
  );
}

export function noneAlone(keyword: string): string {
  return `keyword ${keyword} "none" argument must appear alone.`;
}

/** A word that reads back as itself. */
export function quoteWord(word: string): string {
  return /[\s"'#\\]|^=|^$/.test(word) ? `"${word.replace(/["\\]/g, '\\$&')}"` : word;
}

/** One word a line, each a line of the dump; a word that was given before is not taken again. */
export function eachLine(name: string, most: number): KeywordRow<readonly string[]> {
  return row<readonly string[]>(
    name,
    [],
    (given, before = []) => {
      const word = only(given);
      if (before.includes(word)) return before;
      if (before.length >= most) throw new ValueError(`Too many ${given.keyword} entries (max ${most}).`);
      return [...before, word];
    },
    (value) => value.map(quoteWord),
    true,
  );
}

/** A list of algorithm names as written; resolved against the tables where it is used. */
export interface AlgorithmSpec {
  readonly text: string;
  readonly place: ConfigPlace;
}

export function algorithms(name: string): KeywordRow<AlgorithmSpec | undefined> {
  return row<AlgorithmSpec | undefined>(
    name,
    undefined,
    (given) => {
      const spec = only(given);
      if (spec.replace(/^[+^-]/, '') === '') throw new ValueError(`Missing argument.`);
      return { text: spec, place: given.place };
    },
    (value) => (value === undefined ? [] : [value.text]),
  );
}
