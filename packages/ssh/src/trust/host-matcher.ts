/** A host name to look up in known_hosts: matched against the hosts field of a line, or against a whole file at speed. */
import { HostHasher } from '../crypto/hashed-host.ts';
import { matchHostPatternList } from './patterns.ts';
import { decodePieceLine, piecesOf, type TrustText } from './trust-text.ts';

export const hashMagic = '|1|';

/** `|1|` + 20 bytes of salt + `|` + 20 bytes of hash, in base64 whose last letter carries no bits beyond them. */
const hashedHost = /^\|1\|[A-Za-z0-9+/]{26}[AEIMQUYcgkosw048]=\|[A-Za-z0-9+/]{27}=$/;

/** Whether a hosts field that begins with `|` is of the one known form. */
export function isHashedHost(hosts: string): boolean {
  return hashedHost.test(hosts);
}

/** Where the parts of a hashed name begin and end. */
const saltAt = hashMagic.length;
const hashAt = saltAt + 28 + 1;
const hashedLength = hashAt + 28;

export interface Candidate {
  readonly line: string;
  /** Counted from 1. */
  readonly number: number;
}

/** A name to look up. */
export class HostMatcher {
  readonly #name: string;
  readonly #lowerCase: string;
  #hasher: HostHasher | undefined;

  /** @param name - in lower case: that is what is hashed, and a hashed line is found by nothing else. */
  constructor(name: string) {
    this.#name = name;
    this.#lowerCase = name.toLowerCase();
  }

  /** Whether a hosts field covers the name: a pattern list, or a hashed name. */
  matches(hosts: string): boolean {
    if (!hosts.startsWith('|')) return matchHostPatternList(this.#name, hosts) === 'match';
    return isHashedHost(hosts) && this.#hash(hosts.slice(saltAt, hashAt - 1)) === hosts.slice(hashAt);
  }

  /**
   * The lines that may cover the name, and all that do: one that cannot is passed over without taking it apart. A line that is
   * unusual in any way is given for a closer look.
   */
  *candidates(text: TrustText): Generator<Candidate, void, undefined> {
    const decode = typeof text === 'string' ? (line: string) => line : decodePieceLine;
    let number = 0;
    // A name beyond ASCII is found in no piece of bytes, nor need it be: lines that hold such characters are all given.
    for (const piece of piecesOf(text)) number = yield* this.#search(piece, number, decode);
  }

  /** @returns the number of the last line. */
  *#search(text: string, before: number, decode: (line: string) => string): Generator<Candidate, number, undefined> {
    let number = before;
    // Where the name next stands in the text, wherever that is.
    let found = -1;
    for (let at = 0; at < text.length; ) {
      const newline = text.indexOf('\n', at);
      const end = newline < 0 ? text.length : newline;
      number++;
      let start = at;
      while (start < end && isBlank(text.charCodeAt(start))) start++;
      if (found < start && found !== text.length) {
        found = text.indexOf(this.#lowerCase, start);
        if (found < 0) found = text.length;
      }
      if (this.#mayMatch(text, start, end, found)) yield { line: decode(text.slice(at, end)), number };
      at = end + 1;
    }
    return number;
  }

  #mayMatch(text: string, start: number, end: number, found: number): boolean {
    const first = text.charCodeAt(start);
    if (start === end || first === hashSign) return false;
    if (first === bar) return this.#mayMatchHashed(text, start, end);
    if (first === atSign) return true;
    for (let at = start; at < end; at++) {
      const code = text.charCodeAt(at);
      if (isBlank(code)) return found < at;
      if (code >= plainCodes.length || plainCodes[code] === 0) return true;
    }
    // A line of one field.
    return true;
  }

  #mayMatchHashed(text: string, start: number, end: number): boolean {
    const isUsual =
      end - start > hashedLength &&
      isBlank(text.charCodeAt(start + hashedLength)) &&
      text.startsWith(hashMagic, start) &&
      text.charCodeAt(start + hashAt - 1) === bar;
    if (!isUsual) return true;
    const hash = this.#hash(text.slice(start + saltAt, start + hashAt - 1));
    return hash === undefined || text.startsWith(hash, start + hashAt);
  }

  #hash(salt: string): string | undefined {
    this.#hasher ??= new HostHasher(this.#name);
    return this.#hasher.hash(salt);
  }
}

const hashSign = 0x23;
const atSign = 0x40;
const bar = 0x7c;

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** 1 for characters that mean themselves: no wildcard, no capital letter, nothing outside of ASCII, no control character. */
const plainCodes = Uint8Array.from({ length: 127 }, (_, code) =>
  code > 0x20 && !/[A-Z*?!]/.test(String.fromCharCode(code)) ? 1 : 0,
);
