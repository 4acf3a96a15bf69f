/** The loop of one fuzz target, in a thread of its own: an endless parser must not keep us from telling so. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { SshError } from '@nacre/ssh/errors';
import { makeInput } from './mutate.ts';
import { Random } from './random.ts';
import type { FuzzTarget } from './target.ts';

/** What the worker is told. */
export interface FuzzOrder {
  /** The address of the module with the targets. */
  readonly table: string;
  readonly target: string;
  readonly seedsFolder: string;
  readonly seed: number;
  readonly milliseconds: number;
  /** Only this one input, given as a file. */
  readonly inputFile?: string | undefined;
  /** Only this iteration. */
  readonly iteration?: number | undefined;
  /** The iteration that is running, for the watcher: one 32-bit number. */
  readonly progress: SharedArrayBuffer;
}

/** What the worker tells: its end, or a fault. */
export type FuzzReport =
  | { readonly kind: 'fault'; readonly iteration: number; readonly input: Uint8Array; readonly error: string }
  | { readonly kind: 'end'; readonly runs: number; readonly accepted: number; readonly milliseconds: number };

/** Nothing that the targets parse is longer: such a request comes from a length that nobody checked. */
const maxAllocationBytes = 8 * 1024 * 1024;
/** One fault most often shows in thousands of inputs. */
const maxFaults = 5;

if (parentPort !== null) await work(workerData as FuzzOrder);

async function work(order: FuzzOrder): Promise<void> {
  const { targets } = (await import(order.table)) as { targets: readonly FuzzTarget[] };
  const target = targets.find(({ name }) => name === order.target);
  if (target === undefined) throw new Error(`no target ${order.target}`);
  limitAllocations();
  const seeds = allSeeds(target, order.seedsFolder);
  const progress = new Int32Array(order.progress);
  const start = Date.now();
  const faults = new Set<string>();
  let runs = 0;
  let accepted = 0;
  const tryInput = async (input: Buffer, iteration: number) => {
    // The parser may write into its input (packets are decrypted in place), the report wants it as it was.
    const copy = Buffer.from(input);
    Atomics.store(progress, 0, iteration);
    const error = await outcomeOf(target, input);
    runs++;
    if (error === undefined) return true;
    if (error instanceof SshError) return false;
    const text = error instanceof Error ? (error.stack ?? error.message) : inspect(error);
    const signature = text.split('\n').slice(0, 3).join('\n').replace(/\d+/g, 'N');
    if (!faults.has(signature)) {
      faults.add(signature);
      send({ kind: 'fault', iteration, input: copy, error: text });
    }
    return false;
  };

  if (order.inputFile !== undefined) accepted += Number(await tryInput(readFileSync(order.inputFile), 0));
  else if (order.iteration !== undefined) {
    accepted += Number(await tryInput(inputOf(order.seed, order.iteration, seeds), order.iteration));
  } else {
    // A seed that its own target refuses tests next to nothing.
    for (const [i, seed] of seeds.entries()) accepted += Number(await tryInput(Buffer.from(seed), -1 - i));
    for (let iteration = 0; faults.size < maxFaults; iteration++) {
      if ((iteration & 63) === 0 && Date.now() - start >= order.milliseconds) break;
      accepted += Number(await tryInput(inputOf(order.seed, iteration, seeds), iteration));
    }
  }
  send({ kind: 'end', runs, accepted, milliseconds: Date.now() - start });
}

/** An input depends on the seed and its number alone, so each can be made again without those before it. */
function inputOf(seed: number, iteration: number, seeds: readonly Buffer[]): Buffer {
  return makeInput(new Random(seed, iteration), seeds);
}

async function outcomeOf(target: FuzzTarget, input: Buffer): Promise<unknown> {
  try {
    // Most targets are synchronous, and a needless turn of the queue would halve their speed.
    const pending = target.run(input);
    if (pending !== undefined) await pending;
    return undefined;
  } catch (error) {
    return error;
  }
}

function allSeeds(target: FuzzTarget, folder: string): Buffer[] {
  const own = join(folder, target.name);
  const files = existsSync(own) ? readdirSync(own).sort((a, b) => (a < b ? -1 : 1)) : [];
  return [...target.seeds, ...files.map((name) => readFileSync(join(own, name)))];
}

/** Makes every large allocation a fault: the memory itself would be given lazily and go unseen. */
function limitAllocations(): void {
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const original = Buffer[name].bind(Buffer);
    Buffer[name] = (size: number, ...rest: []) => {
      if (size > maxAllocationBytes) throw new Error(`Buffer.${name}(${size}): an allocation from an unchecked length`);
      return original(size, ...rest);
    };
  }
}

function send(report: FuzzReport): void {
  parentPort?.postMessage(report);
}
