/** Where results go: JSON below build/, and a section of bench/RESULTS.md when asked. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { findProgram, root } from '../test/harness/paths.ts';
import { runProgram } from '../test/harness/programs.ts';
import { formatTable, type Table } from './table.ts';

export interface Circumstances {
  readonly date: string;
  readonly machine: string;
  readonly openssh: string;
  readonly node: string;
}

/** The machine and versions that figures belong to. */
export async function circumstances(): Promise<Circumstances> {
  const ssh = findProgram('ssh');
  const openssh = ssh === undefined ? 'none' : (await runProgram([ssh, '-V'])).stderr.trim();
  const [first] = cpus();
  const machine = `${cpus().length} x ${first?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
  return { date: new Date().toISOString().slice(0, 10), machine, openssh, node: process.version };
}

/** Keeps all samples; returns the file. */
export function saveJson(workload: string, tables: readonly Table[], around: Circumstances): string {
  const folder = join(root, 'build', 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${workload}-${new Date().toISOString().replace(/[:.]/g, '-')}.json`);
  writeFileSync(file, `${JSON.stringify({ workload, ...around, tables }, null, 2)}\n`);
  return file;
}

/** The section of a workload as Markdown. */
export function formatSection(
  workload: string,
  about: string,
  tables: readonly Table[],
  around: Circumstances,
): string {
  const { date, machine, openssh, node } = around;
  const head = [`## ${workload}`, '', about, '', `${date}; ${machine}; ${openssh}; driver on Node ${node}.`];
  return `${head.join('\n')}\n\n${tables.map(formatTable).join('\n\n')}\n`;
}

/** Puts a section in the place of the one of that name, or at the end. */
export function replaceSection(text: string, workload: string, section: string): string {
  const start = text.split('\n').indexOf(`## ${workload}`);
  if (start < 0) return `${text.trimEnd()}\n\n${section}`;
  const lines = text.split('\n');
  const next = lines.findIndex((line, i) => i > start && line.startsWith('## '));
  const after = next < 0 ? '' : `\n${lines.slice(next).join('\n')}`;
  return `${lines.slice(0, start).join('\n')}\n${section}${after}`;
}

/** Writes a section into bench/RESULTS.md. */
export function updateResults(workload: string, section: string): void {
  const file = join(root, 'bench', 'RESULTS.md');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '# Benchmark results\n';
  writeFileSync(file, replaceSection(text, workload, section));
}
