/** The first half of making moduli: numbers q for which neither q nor 2q + 1 has a small factor. */
import { randomBytes } from 'node:crypto';
import { SshError } from '../../errors.ts';
import { type ModuliLine, maxModuliBits, minModuliBits, moduliTests, moduliTime, moduliTypes } from './line.ts';

export interface SieveOptions {
  /** Where to begin; default a random number. */
  start?: bigint;
  /** MiB of the sieve, a bit for each odd number; default as much as makes a safe prime among them all but certain. */
  memoryMib?: number;
  /** Factors below it are sieved out. Higher costs time here and saves more of it in screening. Default 2^26. */
  factorLimit?: number;
}

/** A sieve that has run. */
export interface Sieve {
  /** How many odd numbers were looked at. */
  readonly count: number;
  /** How many primes they were divided by. */
  readonly primes: number;
  /** What is left, as lines of a candidates file. */
  readonly candidates: (nowMs: number) => Iterable<ModuliLine>;
}

const defaultFactorLimit = 2 ** 26;
const bytesPerMib = 1024 * 1024;
/** ssh-keygen's own bound. */
const maxMemoryMib = 127;

/** How many odd numbers a sieve for this size looks at. */
export function sieveCount(bits: number, memoryMib?: number): number {
  if (memoryMib !== undefined) return memoryMib * bytesPerMib * 8;
  // One number in about bits² is what we look for; eight times as many are looked at.
  const words = Math.floor(((bits - 1) * (bits - 1)) / 4);
  return Math.min(words * 32, maxMemoryMib * bytesPerMib * 8);
}

/**
 * Sieves candidates for moduli of group exchange (RFC 4419): p = 2q + 1 has `bits` bits. Runs for seconds without a pause, so a
 * server does it in a worker.
 *
 * @throws SshError `misuse` for sizes out of bounds.
 */
export function sieveModuli(bits: number, options: SieveOptions = {}): Sieve {
  const { start, memoryMib, factorLimit = defaultFactorLimit } = options;
  requireRange('bits', bits, minModuliBits, maxModuliBits);
  if (memoryMib !== undefined) requireRange('memory', memoryMib, 1, maxMemoryMib);
  requireRange('factor limit', factorLimit, 3, defaultFactorLimit * 4);
  const base = (start ?? randomStart(bits - 1)) | 1n;
  const count = sieveCount(bits, memoryMib);
  const composite = new Uint8Array(Math.ceil(count / 8));
  let primes = 0;
  for (const [first, second] of pairs(oddPrimesBelow(factorLimit))) {
    // A division of the large number serves two primes, whose product still is a safe integer.
    const rest = Number(base % BigInt(first * (second ?? 1)));
    strike(composite, count, first, rest % first);
    primes++;
    if (second === undefined) continue;
    strike(composite, count, second, rest % second);
    primes++;
  }
  return { count, primes, candidates: (nowMs) => list(composite, count, base, primes, bits, nowMs) };
}

function* list(
  composite: Uint8Array,
  count: number,
  base: bigint,
  primes: number,
  bits: number,
  nowMs: number,
): Iterable<ModuliLine> {
  const time = moduliTime(nowMs);
  for (let at = 0; at < count; at++) {
    if (((composite[at >> 3] as number) & (1 << (at & 7))) !== 0) continue;
    yield {
      time,
      type: moduliTypes.sophieGermain,
      tests: moduliTests.sieve,
      tries: primes,
      size: bits - 2,
      generator: 0,
      modulus: base + 2n * BigInt(at),
    };
  }
}

/** Marks where the prime divides q = base + 2·at, and where it divides p = 2q + 1. */
function strike(composite: Uint8Array, count: number, prime: number, rest: number): void {
  let step = (prime - rest) % prime;
  if (step % 2 !== 0) step += prime;
  for (let at = step / 2; at < count; at += prime)
    composite[at >> 3] = (composite[at >> 3] as number) | (1 << (at & 7));
  step = (prime - ((2 * rest + 1) % prime)) % prime;
  while (step % 4 !== 0) step += prime;
  for (let at = step / 4; at < count; at += prime)
    composite[at >> 3] = (composite[at >> 3] as number) | (1 << (at & 7));
}

function* pairs(numbers: Iterable<number>): Iterable<[number, number | undefined]> {
  let first: number | undefined;
  for (const number of numbers) {
    if (first === undefined) first = number;
    else {
      yield [first, number];
      first = undefined;
    }
  }
  if (first !== undefined) yield [first, undefined];
}

const segment = 2 ** 18;

/** Eratosthenes in segments, odd numbers only. */
function* oddPrimesBelow(limit: number): Iterable<number> {
  const small: number[] = [];
  const next: number[] = [];
  for (let low = 3; low < limit; low += 2 * segment) {
    const marks = new Uint8Array(segment);
    const high = Math.min(limit, low + 2 * segment);
    for (const [index, prime] of small.entries()) {
      let at = next[index] as number;
      for (; at < high; at += 2 * prime) marks[(at - low) / 2] = 1;
      next[index] = at;
    }
    for (let number = low; number < high; number += 2) {
      if (marks[(number - low) / 2] !== 0) continue;
      yield number;
      if (number * number >= limit) continue;
      let at = number * number;
      for (; at < high; at += 2 * number) marks[(at - low) / 2] = 1;
      small.push(number);
      next.push(at);
    }
  }
}

/** Odd, with the two highest bits set. */
function randomStart(bits: number): bigint {
  const random = BigInt(`0x${randomBytes(Math.ceil(bits / 8)).toString('hex')}`);
  const top = 3n << BigInt(bits - 2);
  return (random & ((1n << BigInt(bits)) - 1n)) | top | 1n;
}

function requireRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new SshError(`${name} of a sieve is ${least} to ${most}, not ${value}`, { code: 'misuse', stage: 'kex' });
}
