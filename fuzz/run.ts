/** Runs one fuzz target in a thread and watches it: saves inputs that break it, ends one that hangs. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { FuzzOrder, FuzzReport } from './worker.ts';

export interface FuzzRun extends Omit<FuzzOrder, 'progress'> {
  /** Inputs that break the target are saved here. */
  readonly crashFolder: string;
  /** An input that takes longer than this hangs, as far as a server is concerned. Default 10 s. */
  readonly maxInputMs?: number;
  readonly print?: (line: string) => void;
}

/** Runs one target; false where it broke. */
export function fuzzTarget(run: FuzzRun): Promise<boolean> {
  const { target, seed, maxInputMs = 10_000, print = console.log } = run;
  const progress = new SharedArrayBuffer(4);
  const { table, seedsFolder, milliseconds, inputFile, iteration } = run;
  const order: FuzzOrder = { target, table, seed, milliseconds, progress, seedsFolder, inputFile, iteration };
  return new Promise((resolve) => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: order });
    const watched = new Int32Array(progress);
    let faults = 0;
    let last = Atomics.load(watched, 0);
    let since = Date.now();
    const finish = (passed: boolean) => {
      clearInterval(watch);
      resolve(passed);
      void worker.terminate();
    };
    const watch = setInterval(
      () => {
        const now = Atomics.load(watched, 0);
        if (now !== last) [last, since] = [now, Date.now()];
        if (Date.now() - since < maxInputMs) return;
        print(`FAILED  ${target}: an input runs for more than ${maxInputMs} ms`);
        print(`        again: npm run fuzz -- --target ${target} --seed ${seed} --iteration ${last}`);
        finish(false);
      },
      Math.min(500, maxInputMs),
    );
    worker.on('message', (report: FuzzReport) => {
      if (report.kind === 'fault') {
        faults++;
        reportFault(run, print, report);
      } else {
        const perSecond = Math.round((report.runs * 1000) / Math.max(1, report.milliseconds));
        const accepted = ((100 * report.accepted) / Math.max(1, report.runs)).toFixed(1);
        const verdict = faults === 0 ? 'ok    ' : 'broken';
        print(`${verdict}  ${target}  ${report.runs} inputs, ${perSecond}/s, ${accepted} % accepted, seed ${seed}`);
        finish(faults === 0);
      }
    });
    worker.on('error', (error) => {
      print(`FAILED  ${target}: the target cannot run: ${error instanceof Error ? error.stack : String(error)}`);
      finish(false);
    });
  });
}

function reportFault(run: FuzzRun, print: (line: string) => void, fault: FuzzReport & { kind: 'fault' }): void {
  const { target, seed, crashFolder } = run;
  mkdirSync(crashFolder, { recursive: true });
  const digest = createHash('sha256').update(fault.input).digest('hex').slice(0, 12);
  const file = join(crashFolder, `${target}-${digest}.bin`);
  writeFileSync(file, fault.input);
  print(`FAILED  ${target}: ${fault.error.replace(/\n/g, '\n        ')}`);
  const origin = fault.iteration < 0 ? 'one of its own seeds' : `seed ${seed}, iteration ${fault.iteration}`;
  print(`        ${origin}, ${fault.input.length} bytes: ${Buffer.from(fault.input).toString('hex').slice(0, 200)}`);
  print(`        again: npm run fuzz -- --target ${target} --input ${relative(process.cwd(), file)}`);
}
