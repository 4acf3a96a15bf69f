/** ssh-keygen -M screen: the safe primes among candidates, appended to a moduli file. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import {
  formatModuliLine,
  type ModuliLine,
  minPrimeTrials,
  parseModuliLine,
  type ScreenVerdict,
  screenModulus,
} from '@nacre/ssh/crypto';
import { SshError } from '@nacre/ssh/errors';
import { describeSystemError, Ending } from '../ending.ts';
import type { KeygenFlags } from '../flags.ts';
import { parseNumber } from '../number.ts';
import { readCheckpoint, removeCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { readLines } from './lines.ts';
import { clock, say, splitOption } from './progress.ts';

interface Options {
  readonly skip: number;
  readonly count: number;
  readonly checkpoint: string | undefined;
  readonly generator: number | undefined;
  readonly trials: number | undefined;
}

/** A line under test. */
interface Job {
  readonly number: number;
  readonly verdict: Promise<ScreenVerdict>;
}

/** Tests are done ahead in the thread pool, but judged in the order of the file, which the checkpoint relies on. */
const ahead = Math.min(4, availableParallelism());

export async function run(flags: KeygenFlags, output: string): Promise<number> {
  const options = readOptions(flags.options);
  const path = flags.file === undefined || flags.file === '-' ? undefined : flags.file;
  if (path !== undefined) requireReadable(path);
  const file = openForAppending(output);
  try {
    if (options.trials !== undefined && options.trials < minPrimeTrials) {
      throw new Ending(`Minimum primality trials is ${minPrimeTrials}\nmodulus screening failed`);
    }
    await screen(path, file, options, flags.verbose);
    return 0;
  } catch (error) {
    if (error instanceof Ending || error instanceof SshError) throw error;
    throw new Ending(`modulus screening failed: ${describeSystemError(error)}`);
  } finally {
    closeSync(file);
  }
}

async function screen(path: string | undefined, file: number, options: Options, verbose: number): Promise<void> {
  const { checkpoint, count } = options;
  const began = Date.now();
  const skip = Math.max(options.skip, checkpoint === undefined ? 0 : readCheckpoint(checkpoint));
  const last = count === 0 ? Number.POSITIVE_INFINITY : skip + count;
  const found = { tested: 0, safe: 0 };
  const jobs: Job[] = [];
  const finish = async (): Promise<void> => {
    const job = jobs.shift() as Job;
    settle(await job.verdict, job.number, file, found, verbose);
    // Behind the output: a line may be tested twice after a crash, but none is lost.
    if (checkpoint !== undefined) writeCheckpoint(checkpoint, job.number);
  };
  let number = 0;
  for await (const text of readLines(path)) {
    if (number >= last) break;
    number++;
    if (number <= skip) continue;
    let line: ModuliLine | undefined;
    try {
      line = readLine(text, `${path ?? '(stdin)'}:${number}`);
    } catch (error) {
      // What stood before the bad line is not lost.
      while (jobs.length > 0) await finish();
      throw error;
    }
    if (line === undefined) continue;
    const { trials, generator } = options;
    const verdict = screenModulus(line, {
      nowMs: Date.now(),
      ...(trials !== undefined && { trials }),
      ...(generator !== undefined && { generator }),
    });
    jobs.push({ number, verdict });
    if (jobs.length > ahead) await finish();
  }
  while (jobs.length > 0) await finish();
  if (checkpoint !== undefined) removeCheckpoint(checkpoint);
  const seconds = Math.floor((Date.now() - began) / 1000);
  say(`${clock(Date.now())} Found ${found.safe} safe primes of ${found.tested} candidates in ${seconds} seconds`);
}

function settle(
  verdict: ScreenVerdict,
  number: number,
  file: number,
  found: { tested: number; safe: number },
  verbose: number,
): void {
  if (verdict.kind !== 'skipped') found.tested++;
  if (verdict.kind === 'safe') {
    found.safe++;
    writeSync(file, formatModuliLine(verdict.line));
  } else if (verbose > (verdict.kind === 'skipped' ? 1 : 0)) {
    say(`debug${verdict.kind === 'skipped' ? 2 : 1}: ${String(number).padStart(10)}: ${verdict.reason}`);
  }
}

function readLine(text: string, place: string): ModuliLine | undefined {
  try {
    return parseModuliLine(text);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    throw new Ending(`${place}: ${error.message}`);
  }
}

function readOptions(options: readonly string[]): Options {
  const read = { skip: 0, count: 0, checkpoint: '', generator: 0, trials: 0 };
  for (const option of options) {
    const [name, value] = splitOption(option);
    const invalid = (reason: string): string => `Invalid number: ${value} (${reason})`;
    if (name === 'lines') read.count = parseNumber(value, 0, Number.MAX_SAFE_INTEGER, invalid);
    else if (name === 'start-line') read.skip = parseNumber(value, 0, Number.MAX_SAFE_INTEGER, invalid);
    else if (name === 'checkpoint') read.checkpoint = value;
    else if (name === 'generator') {
      read.generator = parseNumber(value, 1, 0xffffffff, (reason) => `Generator invalid: ${value} (${reason})`);
    } else if (name === 'prime-tests') read.trials = parseNumber(value, 1, 0x7fffffff, invalid);
    else throw new Ending(`Option "${option}" is unsupported for moduli screening`);
  }
  return {
    skip: read.skip,
    count: read.count,
    checkpoint: read.checkpoint === '' ? undefined : read.checkpoint,
    generator: read.generator === 0 ? undefined : read.generator,
    trials: read.trials === 0 ? undefined : read.trials,
  };
}

function requireReadable(path: string): void {
  try {
    closeSync(openSync(path, 'r'));
  } catch (error) {
    throw new Ending(`Couldn't open modulus candidate file "${path}": ${describeSystemError(error)}`);
  }
}

function openForAppending(output: string): number {
  try {
    return openSync(output, 'a', 0o644);
  } catch (error) {
    throw new Ending(`Couldn't open moduli file "${output}": ${describeSystemError(error)}`);
  }
}
