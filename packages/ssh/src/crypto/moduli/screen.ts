/** The second half of making moduli: which candidates are safe primes, by Miller-Rabin, and which generator they have. */
import { checkPrime } from 'node:crypto';
import { SshError } from '../../errors.ts';
import { type ModuliLine, maxModuliBits, minModuliBits, moduliTests, moduliTime, moduliTypes } from './line.ts';

export interface ScreenOptions {
  /** Rounds of Miller-Rabin, at least 4; default 100. OpenSSL does more where it finds this too few. */
  trials?: number;
  /** Only moduli with this generator; default any. */
  generator?: number;
  /** For the time in the line. */
  nowMs: number;
}

/** `skipped` lines were not tested, and the reason says why; `composite` ones were, and are no safe primes. */
export type ScreenVerdict =
  | { readonly kind: 'safe'; readonly line: ModuliLine }
  | { readonly kind: 'composite' | 'skipped'; readonly reason: string };

export const minPrimeTrials = 4;
const defaultTrials = 100;

/**
 * Tests one line of a candidates or moduli file. The work is done in the thread pool, so several may run at once.
 *
 * @throws SshError `misuse` for fewer than 4 trials.
 */
export async function screenModulus(line: ModuliLine, options: ScreenOptions): Promise<ScreenVerdict> {
  const { trials = defaultTrials, generator: wanted, nowMs } = options;
  if (!Number.isInteger(trials) || trials < minPrimeTrials) {
    throw new SshError(`at least ${minPrimeTrials} trials, not ${trials}`, { code: 'misuse', stage: 'kex' });
  }
  if ((line.tests & moduliTests.composite) !== 0) return skipped('known to be composite');
  const isCandidate = line.type === moduliTypes.sophieGermain;
  if (line.type > 5) return skipped(`unknown type ${line.type}`);
  const p = isCandidate ? 2n * line.modulus + 1n : line.modulus;
  const q = p >> 1n;
  const size = isCandidate ? line.size + 1 : line.size;
  // The size is looked at before anything is computed: a test of a giant number takes hours.
  if (size + 1 < minModuliBits || size + 1 > maxModuliBits) return skipped(`${size + 1} bits`);
  if (p.toString(2).length !== size + 1) return skipped('its size is not the one it states');
  const generator = isCandidate || line.generator === 0 ? guessGenerator(p) : line.generator;
  if (wanted !== undefined && wanted !== generator) return skipped(`generator ${generator}, not ${wanted}`);
  if (generator === 0) return skipped('no known generator');
  // One round tells nearly every composite q; only then is p worth all of them, and q only if p is prime.
  if (!(await isPrime(q, 1))) return composite('q is composite');
  if (!(await isPrime(p, trials))) return composite('p is composite');
  if (!(await isPrime(q, trials - 1))) return composite('q is composite');
  const tested = (line.tests & moduliTests.millerRabin) !== 0;
  return {
    kind: 'safe',
    line: {
      time: moduliTime(nowMs),
      type: moduliTypes.safe,
      tests: line.tests | moduliTests.millerRabin,
      tries: tested ? line.tries + trials : trials,
      size,
      generator,
      modulus: p,
    },
  };
}

/** The smallest of 2, 3 and 5 that generates the whole group or its half of squares; 0 where none of the quick rules fits. */
function guessGenerator(p: bigint): number {
  if (p % 24n === 11n) return 2;
  if (p % 12n === 5n) return 3;
  return p % 10n === 3n || p % 10n === 7n ? 5 : 0;
}

function isPrime(number: bigint, checks: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    checkPrime(number, { checks }, (error, result) => {
      if (error === null || error === undefined) resolve(result);
      else reject(new SshError('OpenSSL cannot test a number', { code: 'bad-file', stage: 'kex', cause: error }));
    });
  });
}

function skipped(reason: string): ScreenVerdict {
  return { kind: 'skipped', reason };
}

function composite(reason: string): ScreenVerdict {
  return { kind: 'composite', reason };
}
