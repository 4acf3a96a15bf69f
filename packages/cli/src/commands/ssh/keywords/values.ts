/** Readers of the values that keywords take: words in, a value out, or an error in OpenSSH's words. */
import { parseEscapeCharacter } from '../../../terminal/escapes.ts';
import { findLogLevel, type LogLevel } from '../log.ts';

/** Where a line stands, for messages: `~/.ssh/config line 7`, or `command-line line 0`. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** What is wrong with a value; `FILE line N: ` is put before it. */
export class ValueError extends Error {}

/** The words after a keyword: at least one, and the line's rest as it was typed. */
export interface Arguments {
  readonly keyword: string;
  readonly words: readonly string[];
  readonly rest: string;
  readonly place: Place;
}

export type Reader<T> = (given: Arguments) => T;

/** The one word of a keyword that takes one. */
export const text: Reader<string> = ({ keyword, words }) => {
  if (words.length > 1) throw new ValueError(`keyword ${keyword} extra arguments at end of line`);
  return words[0] as string;
};

export const words: Reader<readonly string[]> = (given) => given.words;

/** Everything to the end of the line: commands. */
export const restOfLine: Reader<string> = (given) => given.rest;

export const flag: Reader<boolean> = (given) => choice({ yes: true, true: true, no: false, false: false })(given);

/** One of some words, upper or lower case. */
export function choice<T>(values: Readonly<Record<string, T>>): Reader<T> {
  const known = new Map(Object.entries(values));
  return (given) => {
    const word = text(given);
    if (!known.has(word.toLowerCase())) throw new ValueError(`unsupported option "${word}".`);
    return known.get(word.toLowerCase()) as T;
  };
}

export const port: Reader<number> = (given) => {
  const word = text(given);
  const value = /^\d{1,5}$/.test(word) ? Number(word) : 0;
  if (value < 1 || value > 65535) throw new ValueError(`Bad port '${word}'.`);
  return value;
};

/** A whole number from a least one on. */
export function number(least: number): Reader<number> {
  return (given) => {
    const word = text(given);
    if (!/^[+-]?\d{1,9}$/.test(word) || Number(word) < least) throw new ValueError(`integer value ${word} is invalid.`);
    return Number(word);
  };
}

/** A time in seconds, or with units (`1h30m`), in milliseconds. */
export const timeMs: Reader<number> = (given) => {
  const ms = parseTimeMs(text(given));
  if (ms === undefined) throw new ValueError('invalid time value.');
  return ms;
};

const unitMs = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 604800e3 } as const;

function parseTimeMs(word: string): number | undefined {
  if (word === '' || !/^(?:\d+[smhdw])*\d*$/i.test(word)) return undefined;
  let ms = 0;
  for (const [, digits, unit = 's'] of word.matchAll(/(\d+)([smhdw]?)/gi)) {
    ms += Number(digits) * unitMs[(unit || 's').toLowerCase() as keyof typeof unitMs];
  }
  return Number.isSafeInteger(ms) ? ms : undefined;
}

export interface RekeyLimit {
  readonly bytes?: number;
  readonly ms?: number;
}

/** `RekeyLimit 1G 1h`: bytes with K, M or G, then a time; `default` and `none` leave either as it is. */
export const rekeyLimit: Reader<RekeyLimit> = ({ keyword, words: [size, time, ...more] }) => {
  if (more.length > 0) throw new ValueError(`keyword ${keyword} extra arguments at end of line`);
  const limit: { bytes?: number; ms?: number } = {};
  if (size !== undefined && size.toLowerCase() !== 'default' && size.toLowerCase() !== 'none') {
    const match = /^(\d+)([kmg]?)$/i.exec(size);
    if (match === null) throw new ValueError(`Bad number '${size}': invalid format`);
    const bytes = Number(match[1]) * 1024 ** ' kmg'.indexOf((match[2] || ' ').toLowerCase());
    if (bytes !== 0 && bytes < 16) throw new ValueError('RekeyLimit too small');
    if (bytes !== 0) limit.bytes = bytes;
  }
  if (time !== undefined && time.toLowerCase() !== 'none') {
    const ms = parseTimeMs(time);
    if (ms === undefined) throw new ValueError('invalid time value.');
    limit.ms = ms;
  }
  return limit;
};

export const logLevel: Reader<LogLevel> = (given) => {
  const word = text(given);
  const level = findLogLevel(word);
  if (level === undefined) throw new ValueError(`unsupported log level '${word}'`);
  return level;
};

export const escapeChar: Reader<number | 'none'> = (given) => {
  const value = parseEscapeCharacter(text(given));
  if (value === 'invalid') throw new ValueError('Bad escape character.');
  return value;
};

/** Comma-separated names. */
export const commaList: Reader<readonly string[]> = (given) => text(given).split(',');

/** `SetEnv NAME=VALUE …`. */
export const assignments: Reader<readonly (readonly [string, string])[]> = (given) =>
  given.words.map((word) => {
    const at = word.indexOf('=');
    if (at < 1) throw new ValueError('Invalid SetEnv.');
    return [word.slice(0, at), word.slice(at + 1)] as const;
  });

/** `SendEnv NAME …`: patterns; a minus takes earlier ones away. */
export const environmentPatterns: Reader<readonly string[]> = (given) => {
  if (given.words.some((word) => word.includes('='))) throw new ValueError('Invalid environment name.');
  return given.words;
};

/** An algorithm list as written, resolved only where the tables are loaded anyway; a wrong name is blamed on its line then. */
export interface AlgorithmSpec {
  readonly text: string;
  readonly keyword: string;
  readonly place: Place;
}

export const algorithms: Reader<AlgorithmSpec> = (given) => {
  const { keyword, place } = given;
  return { text: text(given), keyword, place };
};
