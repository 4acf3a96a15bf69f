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
  /** What was typed. */
  readonly command: string;
}

/** The machine and versions that figures belong to. */
export async function circumstances(command: string): Promise<Circumstances> {
  const ssh = findProgram('ssh');
  const openssh = ssh === undefined ? 'none' : (await runProgram([ssh, '-V'])).stderr.trim();
  const [first] = cpus();
  const machine = `${cpus().length} x ${first?.model.trim() ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
  return { date: new Date().toISOString().slice(0, 10), machine, openssh, node: process.version, command };
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
  const { date, machine, openssh, node, command } = around;
  const head = [
    `## ${workload}`,
    '',
    about,
    '',
    `${date}; ${machine}; ${openssh}; driver on Node ${node}; \`${command}\`.`,
  ];
  return `${head.join('\n')}\n\n${tables.map(formatTable).join('\n\n')}\n`;
}

/** The section above all others. */
export const targetsName = 'targets';

/** Puts a section in the place of the one of that name, or at the end; the one of targets comes first, and the contents tell of all. */
export function replaceSection(text: string, name: string, section: string): string {
  const [head = '', ...old] = text.split(/^(?=## )/m);
  const nameOf = (part: string) => part.slice(3, part.indexOf('\n'));
  const parts = old.map((part) => (nameOf(part) === name ? section : part));
  if (!parts.includes(section)) parts.push(section);
  parts.sort((a, b) => Number(nameOf(b) === targetsName) - Number(nameOf(a) === targetsName));
  const contents = `Contents: ${parts.map((part) => `[${nameOf(part)}](#${nameOf(part)})`).join(', ')}`;
  const above = head.replace(/^Contents: .*\n/m, '').trimEnd();
  return `${[above, contents, ...parts.map((part) => part.trimEnd())].join('\n\n')}\n`;
}

/** Writes a section into bench/RESULTS.md. */
export function updateResults(name: string, section: string): void {
  const file = join(root, 'bench', 'RESULTS.md');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '# Benchmark results\n';
  writeFileSync(file, replaceSection(text, name, section));
}
