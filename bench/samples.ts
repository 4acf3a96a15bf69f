/** The samples behind bench/RESULTS.md: a file a workload, its first line the circumstances, then a line a table. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../test/harness/paths.ts';
import type { Circumstances } from './results.ts';
import type { Table } from './table.ts';

export function writeSamples(workload: string, tables: readonly Table[], around: Circumstances): void {
  const folder = join(root, 'bench', 'samples');
  mkdirSync(folder, { recursive: true });
  // More digits than a clock has say nothing.
  const round = (_key: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(6)) : value);
  const lines = [around, ...tables].map((value) => `${JSON.stringify(value, round)}\n`);
  writeFileSync(fileOf(workload), lines.join(''));
}

/** The tables of the last run that was kept; undefined where there was none. */
export function readSamples(workload: string): Table[] | undefined {
  if (!existsSync(fileOf(workload))) return undefined;
  const [, ...lines] = readFileSync(fileOf(workload), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Table);
}

function fileOf(workload: string): string {
  return join(root, 'bench', 'samples', `${workload}.jsonl`);
}
