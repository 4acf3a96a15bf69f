/** Where a server's groups for group exchange come from: moduli(5) files, and the choice among their lines. */
import { randomInt } from 'node:crypto';
import { maxDhGroupBits, minDhGroupBits } from '../../limits.ts';
import { type OakleyGroup, oakleyGroup } from './diffie-hellman-group.ts';
import type { FiniteFieldGroup } from './finite-field.ts';
import { bitLength } from './group-exchange.ts';
import { refusal } from './refusal.ts';

/** A usable line of a moduli file. */
export interface ModuliEntry extends FiniteFieldGroup {
  readonly bits: number;
}

/** moduli(5): type 2 is a safe prime. */
const safePrime = 2;
/** moduli(5): bits of the tests field. A number that was found composite is no prime; one that no test saw is unknown. */
const foundComposite = 0x01;
const everyTest = 0x1e;

/**
 * The lines of a moduli(5) file that may serve: safe primes that passed a test, of the size they state, and of a size that
 * limits.ts allows. All others are passed over, as sshd does: one bad line must not stop the server.
 *
 * @param text - the file; the caller bounds its size.
 */
export function parseModuli(text: string): ModuliEntry[] {
  const entries: ModuliEntry[] = [];
  for (const line of text.split('\n')) {
    const entry = parseLine(line);
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

/**
 * The group for a client's request (RFC 4419 §3): the smallest size that is at least `preferred`, else the largest there
 * is, within `min` and `max`; at random among those of the same size.
 *
 * @param moduli - from `parseModuli`; without a line that fits, RFC 3526's groups 14, 16 and 18 are chosen from.
 * @param min - bits, as the client sent them; so are `preferred` and `max`.
 * @param random - a number from 0 up to and without `bound`.
 * @throws SshError code `kex-failed`, disconnect 3 for a request that contradicts itself or that no group fits.
 */
export function chooseGroup(
  moduli: readonly ModuliEntry[],
  min: number,
  preferred: number,
  max: number,
  random: (bound: number) => number = (bound) => randomInt(bound),
): FiniteFieldGroup {
  if (min > preferred || preferred > max) {
    throw refusal(`the client asks for a group of at least ${min}, best ${preferred}, at most ${max} bits`);
  }
  const lowest = Math.max(min, minDhGroupBits);
  const highest = Math.min(max, maxDhGroupBits);
  const chosen =
    chooseAmong(moduli, lowest, preferred, highest, random) ??
    chooseAmong(builtInGroups(), lowest, preferred, highest, random);
  if (chosen === undefined) {
    throw refusal(`no group has ${min} to ${max} bits; here they have ${minDhGroupBits} to ${maxDhGroupBits}`);
  }
  return { prime: chosen.prime, generator: chosen.generator };
}

function chooseAmong(
  entries: readonly ModuliEntry[],
  lowest: number,
  preferred: number,
  highest: number,
  random: (bound: number) => number,
): ModuliEntry | undefined {
  let best = 0;
  for (const { bits } of entries) {
    if (bits < lowest || bits > highest) continue;
    const better = best < preferred ? bits > best : bits >= preferred && bits < best;
    if (better) best = bits;
  }
  const candidates = entries.filter(({ bits }) => bits === best);
  return candidates.length === 0 ? undefined : candidates[random(candidates.length)];
}

function builtInGroups(): ModuliEntry[] {
  const numbers: OakleyGroup[] = [14, 16, 18];
  return numbers.map((number) => {
    const group = oakleyGroup(number);
    return { ...group, bits: bitLength(group.prime) };
  });
}

/** time type tests tries size generator modulus; the size is that of the prime less one bit. */
function parseLine(line: string): ModuliEntry | undefined {
  const fields = line.trim().split(/[ \t]+/);
  if (fields.length !== 7 || line.startsWith('#')) return undefined;
  const [type, tests, tries, size] = fields.slice(1, 5).map(parseDecimal) as [number, number, number, number];
  if (type !== safePrime || (tests & foundComposite) !== 0 || (tests & everyTest) === 0 || !(tries > 0))
    return undefined;
  const bits = size + 1;
  if (!(bits >= minDhGroupBits && bits <= maxDhGroupBits)) return undefined;
  const prime = parseHex(fields[6]!);
  const generator = parseHex(fields[5]!);
  if (prime === undefined || generator === undefined || bitLength(prime) !== bits) return undefined;
  // Even moduli are no primes; generators are one small digit in every file there is.
  if ((prime[prime.length - 1]! & 1) === 0 || generator.length !== 1 || generator[0]! < 2) return undefined;
  return { bits, prime, generator };
}

/** NaN for anything but a short decimal number, and every comparison with NaN fails. */
function parseDecimal(text: string): number {
  return /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
}

/** Bytes of a hexadecimal number, without zeros in front. */
function parseHex(text: string): Buffer | undefined {
  const digits = text.replace(/^0+/, '');
  if (digits.length === 0 || digits.length > maxDhGroupBits / 4 || !/^[0-9a-fA-F]+$/.test(digits)) return undefined;
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
}
