/** How the values of sshd_config are read: one small builder for each kind of keyword. */
import { ciphers, macs } from '@nacre/ssh/crypto';
import { findPublicKeyAlgorithm, publicKeyAlgorithms } from '@nacre/ssh/keys';
import { defaultAlgorithms, hostKeyAlgorithms, kexNames } from '@nacre/ssh/transport';
import { matchPattern } from '@nacre/ssh/trust';

/** A value that cannot be read; the parser puts file and line before it. */
export class BadValue extends Error {}

/** A keyword that has an effect here. */
export interface KeywordRow<T> {
  readonly name: string;
  readonly initial: T;
  /** Every line adds to the value; otherwise the first line counts. */
  readonly accumulates: boolean;
  /** The rest of the line is one word, whatever stands in it. */
  readonly takesRest: boolean;
  /**
   * @param before - what earlier lines gave; undefined for the first.
   * @throws BadValue
   */
  read(words: readonly string[], before: T | undefined): T;
}

type Options = Partial<Pick<KeywordRow<unknown>, 'accumulates' | 'takesRest'>>;

export function row<T>(
  name: string,
  initial: T,
  read: KeywordRow<T>['read'],
  { accumulates = false, takesRest = false }: Options = {},
): KeywordRow<T> {
  return { name, initial, read, accumulates, takesRest };
}

/** One word, turned into a value. */
export function single<T>(name: string, initial: T, parse: (word: string) => T): KeywordRow<T> {
  return row(name, initial, (words) => parse(only(words)));
}

/** Words of any number, lines add up. */
export function words(name: string, check: (word: string) => string = (word) => word): KeywordRow<readonly string[]> {
  const read = (given: readonly string[], before: readonly string[] = []) => [...before, ...some(given).map(check)];
  return row<readonly string[]>(name, [], read, { accumulates: true });
}

export function flag(name: string, initial: boolean): KeywordRow<boolean> {
  return single(name, initial, parseFlag);
}

export function choice<const T extends string>(name: string, initial: T, allowed: Readonly<Record<string, T>>) {
  return single<T>(name, initial, (word) => {
    const value = Object.hasOwn(allowed, word.toLowerCase()) ? allowed[word.toLowerCase()] : undefined;
    if (value === undefined) throw new BadValue(`unsupported option "${word}".`);
    return value;
  });
}

export function count(name: string, initial: number, least = 0): KeywordRow<number> {
  return single(name, initial, (word) => {
    if (!/^\d{1,9}$/.test(word) || Number(word) < least) throw new BadValue(`integer value "${word}" is not valid.`);
    return Number(word);
  });
}

/** Seconds, or a time such as `1h30m`; in milliseconds. `none` is 0. */
export function time(name: string, initialMs: number): KeywordRow<number> {
  return single(name, initialMs, (word) => (word.toLowerCase() === 'none' ? 0 : parseTime(word)));
}

/** A path, or `none`. */
export function path(name: string, initial: string | undefined): KeywordRow<string | undefined> {
  return single(name, initial, (word) => (word.toLowerCase() === 'none' ? undefined : word));
}

/** The whole rest of the line, or `none`. */
export function text(name: string): KeywordRow<string | undefined> {
  const read = (given: readonly string[]) => (only(given).toLowerCase() === 'none' ? undefined : only(given));
  return row<string | undefined>(name, undefined, read, { takesRest: true });
}

export function parseFlag(word: string): boolean {
  const value = { yes: true, true: true, no: false, false: false }[word.toLowerCase()];
  if (value === undefined) throw new BadValue(`unsupported option "${word}".`);
  return value;
}

const unitSeconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/** sshd_config(5), TIME FORMATS; in milliseconds. */
export function parseTime(word: string): number {
  if (word === '' || !/^(?:\d{1,9}[smhdw])*\d{0,9}$/i.test(word)) throw new BadValue(`invalid time value "${word}".`);
  let seconds = 0;
  for (const [, digits = '', unit = ''] of word.matchAll(/(\d+)([smhdw]?)/gi)) {
    seconds += Number(digits) * (unitSeconds[unit.toLowerCase()] ?? 1);
  }
  return seconds * 1000;
}

/** Bytes, with K, M or G. */
export function parseSize(word: string): number {
  const [, digits, unit = ''] = /^(\d{1,12})([kmg]?)$/i.exec(word) ?? [];
  if (digits === undefined) throw new BadValue(`invalid size value "${word}".`);
  return Number(digits) * ({ '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[unit.toLowerCase()] ?? 1);
}

export function only(given: readonly string[]): string {
  const [word, extra] = some(given);
  if (extra !== undefined) throw new BadValue(`keyword has extra arguments at end of line: "${extra}".`);
  return word as string;
}

export function some(given: readonly string[]): readonly string[] {
  if (given.length === 0 || given[0] === '') throw new BadValue('missing argument.');
  return given;
}

/** A list of algorithm names. Undefined stands for the defaults. */
export interface AlgorithmList {
  readonly names: readonly string[];
  /** Names that OpenSSH knows and that are not built here: dropped, with a warning. */
  readonly dropped: readonly string[];
}

interface AlgorithmKind {
  readonly known: readonly string[];
  readonly defaults: readonly string[];
  /** What OpenSSH can and we do not do. */
  readonly elsewhere: readonly string[];
  readonly complaint: string;
}

const serverDefaults = defaultAlgorithms('server');
const signatureNames = publicKeyAlgorithms.map((algorithm) => algorithm.name);
const foreignKeys = ['ssh-dss', 'ssh-dss-cert-v01@openssh.com', 'webauthn-sk-ecdsa-sha2-nistp256@openssh.com'];

export const algorithmKinds = {
  kex: {
    known: kexNames,
    defaults: serverDefaults.kex,
    elsewhere: ['diffie-hellman-group-exchange-sha1'],
    complaint: 'Bad SSH2 KexAlgorithms',
  },
  cipher: {
    known: ciphers.map((cipher) => cipher.name),
    defaults: serverDefaults.cipher,
    elsewhere: ['rijndael-cbc@lysator.liu.se'],
    complaint: 'Bad SSH2 cipher spec',
  },
  mac: {
    known: macs.map((mac) => mac.name),
    defaults: serverDefaults.mac,
    elsewhere: ['umac-64', 'umac-128', 'hmac-sha1-96', 'hmac-md5', 'hmac-md5-96'].flatMap((name) => [
      ...(name.startsWith('umac') ? [`${name}@openssh.com`] : [name]),
      `${name}-etm@openssh.com`,
    ]),
    complaint: 'Bad SSH2 mac spec',
  },
  hostKey: {
    known: hostKeyAlgorithms.map((algorithm) => algorithm.name),
    defaults: serverDefaults.hostKey,
    elsewhere: foreignKeys,
    complaint: 'Bad key types',
  },
  signature: {
    known: signatureNames,
    defaults: signatureNames.filter((name) => !findPublicKeyAlgorithm(name)?.legacy),
    elsewhere: foreignKeys,
    complaint: 'Bad key types',
  },
} as const satisfies Record<string, AlgorithmKind>;

/** `a,b`, `+a`, `-pattern`, `^a`: as sshd_config(5) describes for Ciphers. */
export function algorithms(name: string, kindName: keyof typeof algorithmKinds): KeywordRow<AlgorithmList | undefined> {
  const kind: AlgorithmKind = algorithmKinds[kindName];
  return single<AlgorithmList | undefined>(name, undefined, (word) => resolveList(word, kind));
}

function resolveList(word: string, kind: AlgorithmKind): AlgorithmList {
  const sign = /^[-+^]/.exec(word)?.[0];
  const patterns = word.slice(sign === undefined ? 0 : 1).split(',');
  const complaint = `${kind.complaint} '${word}'.`;
  if (patterns.includes('')) throw new BadValue(complaint);
  if (sign === '-') {
    const names = kind.defaults.filter((candidate) => !patterns.some((pattern) => matchPattern(candidate, pattern)));
    if (names.length === 0) throw new BadValue(complaint);
    return { names, dropped: [] };
  }
  const dropped: string[] = [];
  const named = patterns.flatMap((pattern) => {
    const found = kind.known.filter((candidate) => matchPattern(candidate, pattern));
    if (found.length > 0) return found;
    if (!kind.elsewhere.some((candidate) => matchPattern(candidate, pattern))) throw new BadValue(complaint);
    dropped.push(pattern);
    return [];
  });
  const [first, second] = sign === '+' ? [kind.defaults, named] : [named, sign === '^' ? kind.defaults : []];
  const names = [...new Set([...first, ...second])];
  if (names.length === 0) throw new BadValue(`${complaint.slice(0, -1)}: none of them is built into this sshd.`);
  return { names, dropped };
}
