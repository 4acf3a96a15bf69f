/** Lines of moduli(5) files: candidates that a sieve left over, and the safe primes that screening found among them. */
import { SshError } from '../../errors.ts';

/** One number of such a file. */
export interface ModuliLine {
  /** YYYYMMDDHHMMSS, UTC. */
  readonly time: string;
  /** 2: a safe prime; 4: a candidate q, of which p = 2q + 1 shall be the safe prime. */
  readonly type: number;
  /** Sum of what was done: 1 found composite, 2 sieved, 4 Miller-Rabin. */
  readonly tests: number;
  /** Primes of the sieve, or rounds of Miller-Rabin. */
  readonly tries: number;
  /** The number's bits less one. */
  readonly size: number;
  /** 0 where it is not known yet. */
  readonly generator: number;
  readonly modulus: bigint;
}

export const moduliTypes = { safe: 2, sophieGermain: 4 } as const;
export const moduliTests = { composite: 1, sieve: 2, millerRabin: 4 } as const;

/** Sizes of what may be made and screened; groups of less than 2048 bits are made, but sshd does not use them. */
export const minModuliBits = 512;
export const maxModuliBits = 65_536;

/** Longer than any line: the fields before the modulus, and a modulus of the largest size. */
export const maxModuliLineBytes = 100 + maxModuliBits / 4;

/**
 * Reads a line; undefined for comments and lines too short to be any.
 *
 * @throws SshError `bad-file` for what is neither.
 */
export function parseModuliLine(text: string): ModuliLine | undefined {
  if (text.length > maxModuliLineBytes) throw badLine(`${text.length} characters`);
  const line = text.trim();
  if (line.length < 14 || line.startsWith('#') || line.startsWith('!')) return undefined;
  const match = linePattern.exec(line);
  if (match === null) throw badLine(`"${line.slice(0, 40)}"`);
  const [time = '', ...words] = match.slice(1);
  const [type = 0, tests = 0, tries = 0, size = 0] = words.slice(0, 4).map(Number);
  return {
    time,
    type,
    tests,
    tries,
    size,
    generator: Number.parseInt(words[4] ?? '0', 16),
    modulus: BigInt(`0x${words[5]}`),
  };
}

const linePattern =
  /^(\d{14})[ \t]+(\d{1,9})[ \t]+(\d{1,9})[ \t]+(\d{1,10})[ \t]+(\d{1,9})[ \t]+([0-9a-f]{1,8})[ \t]+([0-9a-f]+)$/i;

/** The line as ssh-keygen writes it, with its newline. */
export function formatModuliLine({ time, type, tests, tries, size, generator, modulus }: ModuliLine): string {
  const hex = modulus.toString(16).toUpperCase();
  // Whole bytes, as OpenSSL prints numbers.
  const digits = hex.length % 2 === 0 ? hex : `0${hex}`;
  return `${time} ${type} ${tests} ${tries} ${size} ${generator.toString(16)} ${digits}\n`;
}

/** The time of a line. */
export function moduliTime(ms: number): string {
  return new Date(ms)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/[-:T]/g, '');
}

function badLine(found: string): SshError {
  return new SshError(
    `expected a line of moduli(5): time, type, tests, tries, size, generator, modulus; found ${found}`,
    {
      code: 'bad-file',
      stage: 'kex',
    },
  );
}
