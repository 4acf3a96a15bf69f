/** ssh-keygen -M generate: the candidates for moduli of one size, into a file. */
import { closeSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { formatModuliLine, maxModuliBits, minModuliBits, sieveCount, sieveModuli } from '@nacre/ssh/crypto';
import { describeSystemError, Ending } from '../ending.ts';
import type { KeygenFlags } from '../flags.ts';
import { parseNumber } from '../number.ts';
import { clock, say, splitOption } from './progress.ts';

interface Options {
  readonly bits: number;
  readonly memoryMib: number | undefined;
  readonly start: bigint | undefined;
}

const defaultBits = 3072;
const [leastMemory, mostMemory] = [8, 127];

export function run(flags: KeygenFlags, output: string): number {
  const { bits, memoryMib, start } = readOptions(flags.options);
  // The file is opened first: nobody waits for a sieve whose result has no place to go.
  const draft = `${output}.${process.pid}.part`;
  const file = open(draft, output);
  try {
    requireSizes(bits, memoryMib);
    const wanted = Math.ceil(sieveCount(bits) / 8);
    if (memoryMib !== undefined) {
      const bytes = memoryMib * 1024 * 1024;
      say(
        wanted <= bytes
          ? `Increased memory: ${memoryMib} MB; need ${wanted} bytes`
          : `Decreased memory: ${memoryMib} MB; want ${wanted} bytes`,
      );
    }
    const began = Date.now();
    say(`${clock(began)} Sieve next ${2 * sieveCount(bits, memoryMib)} plus ${bits - 1}-bit`);
    const sieve = sieveModuli(bits, {
      ...(memoryMib !== undefined && { memoryMib }),
      ...(start !== undefined && { start }),
    });
    const ended = Date.now();
    const seconds = Math.floor((ended - began) / 1000);
    say(`${clock(ended)} Sieved with ${sieve.primes} small primes in ${seconds} seconds`);
    const count = writeLines(file, sieve.candidates(ended));
    fsyncSync(file);
    closeSync(file);
    renameSync(draft, output);
    say(`${clock(Date.now())} Found ${count} candidates`);
    return 0;
  } catch (error) {
    unlinkSync(draft);
    if (error instanceof Ending) throw error;
    throw new Ending(`modulus candidate generation failed: ${output}: ${describeSystemError(error)}`);
  }
}

function readOptions(options: readonly string[]): Options {
  let bits = defaultBits;
  let memoryMib: number | undefined;
  let start: bigint | undefined;
  for (const option of options) {
    const [name, value] = splitOption(option);
    if (name === 'memory')
      memoryMib = parseNumber(value, 1, 0xffffffff, (reason) => `Memory limit is ${reason}: ${value}`);
    else if (name === 'start') start = readStart(value);
    else if (name === 'bits')
      bits = parseNumber(value, 1, 0x7fffffff, (reason) => `Invalid number: ${value} (${reason})`);
    else throw new Ending(`Option "${option}" is unsupported for moduli generation`);
  }
  if (start !== undefined && start.toString(2).length !== bits - 1) {
    throw new Ending(
      `Invalid start point. (It has ${start.toString(2).length} bits; half of a ${bits}-bit modulus has ${bits - 1}.)`,
    );
  }
  return { bits, memoryMib, start };
}

function readStart(text: string): bigint {
  if (!/^[0-9a-f]+$/i.test(text) || text.length > maxModuliBits / 4) throw new Ending('Invalid start point.');
  return BigInt(`0x${text}`);
}

function requireSizes(bits: number, memoryMib: number | undefined): void {
  let reason: string | undefined;
  if (memoryMib !== undefined && (memoryMib < leastMemory || memoryMib > mostMemory))
    reason = `Invalid memory amount (min ${leastMemory}, max ${mostMemory})`;
  else if (bits > maxModuliBits) reason = `Too many bits: ${bits} > ${maxModuliBits}`;
  else if (bits < minModuliBits) reason = `Too few bits: ${bits} < ${minModuliBits}`;
  if (reason !== undefined) throw new Ending(`${reason}\nmodulus candidate generation failed`);
}

/** A file of its own beside the one that was asked for, which keeps what it holds until the new one is whole. */
function open(draft: string, output: string): number {
  try {
    return openSync(draft, 'wx', 0o644);
  } catch (error) {
    throw new Ending(`Couldn't open modulus candidate file "${output}": ${describeSystemError(error)}`);
  }
}

const pageCharacters = 64 * 1024;

function writeLines(file: number, lines: Iterable<Parameters<typeof formatModuliLine>[0]>): number {
  let page = '';
  let count = 0;
  for (const line of lines) {
    page += formatModuliLine(line);
    count++;
    if (page.length < pageCharacters) continue;
    writeSync(file, page);
    page = '';
  }
  writeSync(file, page);
  return count;
}
