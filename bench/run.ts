/** Runs workloads one after the other, each for itself: what one of them cannot do costs the others nothing. */
import { startClock } from './clock.ts';
import { type PlanEntry, shareOf } from './plan.ts';
import { type Circumstances, formatSection, saveJson, targetsName, updateResults } from './results.ts';
import { readSamples, writeSamples } from './samples.ts';
import type { Table } from './table.ts';
import { targets } from './targets.ts';
import { formatVerdicts, judge, type Verdict } from './verdicts.ts';
import { workloads } from './workloads/table.ts';
import type { BenchSettings } from './workloads/types.ts';

export interface RunOptions {
  readonly around: Circumstances;
  /** For all of it; without it, as long as it takes. */
  readonly minutes?: number | undefined;
  /** Leaves out the tables that no target asks for. */
  readonly isBrief: boolean;
  readonly isKept: boolean;
  readonly rows: string | undefined;
}

/** Runs the entries and prints their tables; returns how many workloads failed. */
export async function runEntries(entries: readonly PlanEntry[], options: RunOptions): Promise<number> {
  const { around, minutes = Number.POSITIVE_INFINITY, isKept } = options;
  const start = performance.now();
  const done = new Map<string, Table[]>();
  const failed = new Map<string, string>();
  for (const [at, entry] of entries.entries()) {
    const leftMs = minutes * 60_000 - (performance.now() - start);
    const workload = workloads.find(({ name }) => name === entry.workload);
    if (workload === undefined) {
      console.error(`${entry.workload}: there is no such workload`);
      continue;
    }
    if (Number.isFinite(minutes)) sayWhatRemains(entries, at, start, leftMs);
    startClock(Number.isFinite(minutes) ? shareOf(entries, at, leftMs) : undefined, entry.tables);
    try {
      const tables = await workload.run(settingsOf(entry, workload.defaultMib, options));
      done.set(entry.workload, [...(done.get(entry.workload) ?? []), ...tables]);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failed.set(entry.workload, reason.split('\n', 1)[0] ?? '');
      clearLine();
      console.error(`${entry.workload} failed: ${reason}`);
      continue;
    }
    clearLine();
    const tables = done.get(entry.workload) ?? [];
    const section = formatSection(workload.name, workload.about, tables, around);
    // Of one that runs in pieces the last has them all.
    if (entries[at + 1]?.workload !== entry.workload) console.log(section);
    console.error(`every sample: ${saveJson(workload.name, tables, around)}`);
    if (!isKept) continue;
    updateResults(workload.name, section);
    writeSamples(workload.name, tables, around);
    // A run that is cut short leaves a page that agrees with itself.
    showTargets(done, failed, options, false);
  }
  startClock();
  showTargets(done, failed, options);
  return failed.size;
}

/** The table of targets, with the figures of this run and those that were kept of earlier ones. */
export function showTargets(
  done: ReadonlyMap<string, Table[]>,
  failed: ReadonlyMap<string, string>,
  { around, isKept, isBrief }: RunOptions,
  isPrinted = true,
): void {
  const verdicts = targets.map((target): Verdict => {
    const { workload } = target;
    const verdict = judge(target, done.get(workload) ?? (failed.has(workload) ? undefined : readSamples(workload)));
    const reason = failed.get(workload);
    return verdict.missing === undefined || reason === undefined ? verdict : { target, missing: `failed: ${reason}` };
  });
  const table = formatVerdicts(verdicts);
  if (isPrinted && isBrief) console.log(table);
  const about =
    'Ratios are to OpenSSH > OpenSSH (plain TCP on the long path) in the same run; "base again" is the same of the row that is the base once more. Each ' +
    'workload below says when and on what it was measured. Written by `npm run bench -- all --update` from the samples in bench/samples.';
  if (isKept)
    updateResults(targetsName, `## ${targetsName}\n\n${about}\n\n${around.date}; ${around.machine}.\n\n${table}\n`);
}

function settingsOf(entry: PlanEntry, defaultMib = 256, { isBrief, rows }: RunOptions): BenchSettings {
  return {
    repetitions: entry.repetitions,
    bulkBytes: Math.round((entry.mib ?? defaultMib) * 2 ** 20),
    ciphers: entry.ciphers ?? defaultCiphers,
    rows: rows ?? entry.rows,
    isBrief,
    progress: (line) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
    },
  };
}

const defaultCiphers = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'chacha20-poly1305@openssh.com',
  'aes256-ctr',
];

/** The plan's own times, stretched as those so far were. */
function sayWhatRemains(entries: readonly PlanEntry[], at: number, start: number, leftMs: number): void {
  const minutesOf = (from: number, to?: number) =>
    entries.slice(from, to).reduce((sum, { minutes }) => sum + minutes, 0);
  const spent = (performance.now() - start) / 60_000;
  const stretch = at === 0 ? 1 : spent / minutesOf(0, at);
  const remains = Math.min(minutesOf(at) * stretch, leftMs / 60_000);
  const { workload = '', ciphers = [] } = entries[at] ?? {};
  const name = [workload, ...ciphers].join(' ');
  console.error(
    `${at + 1} of ${entries.length}, ${name}: ${spent.toFixed(0)} min so far, about ${remains.toFixed(0)} remain`,
  );
}

function clearLine(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}
