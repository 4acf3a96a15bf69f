/** The inventory for people: a table a kind, and under each row what is wrong with it. */
import { sanitize } from '../../../terminal/sanitize.ts';
import type { Inventory, Item, ItemKind, Problem } from '../inventory/items.ts';
import { type Column, createPaint, fitWidth, formatRows, type Paint } from './columns.ts';
import { summarizeKnownHosts } from './known-hosts-summary.ts';
import { describeItem, type SectionStyle, sections } from './sections.ts';

export interface TableOptions {
  /** Of the terminal; undefined where the output goes elsewhere. */
  readonly columns: number | undefined;
  readonly colors: boolean;
  /** Every line of known_hosts, and every .pub file beside its key. */
  readonly all: boolean;
  readonly onlyProblems: boolean;
}

export function formatTable(inventory: Inventory, options: TableOptions): string {
  const paint = createPaint(options.colors);
  const width = fitWidth(options.columns);
  const blocks: string[] = [];
  for (const section of sections) {
    const items = inventory.items.filter(({ kind }) => section.kinds.includes(kind));
    const lines = formatSection(section, items, inventory, { width, paint, options });
    if (lines.length > 0) blocks.push([paint.bold(section.title), ...lines].join('\n'));
  }
  blocks.push(formatSummary(inventory, paint));
  return `${blocks.join('\n\n')}\n`;
}

interface Drawing {
  readonly width: number;
  readonly paint: Paint;
  readonly options: TableOptions;
}

function formatSection(
  section: SectionStyle,
  items: readonly Item[],
  inventory: Inventory,
  drawing: Drawing,
): string[] {
  const { options, paint, width } = drawing;
  const shown = options.all ? items : items.filter((item) => section.isShown(item, inventory));
  const lines: string[] = [];
  if (section.kinds.includes('known-host') && !options.all && !options.onlyProblems) {
    const summary = formatRows(summarizeKnownHosts(items, inventory), width - 2);
    lines.push(...summary.map((line, row) => `  ${row === 0 ? paint.dim(line) : line}`));
  }
  const kept = options.all ? shown : shown.slice(0, mostRows);
  const columns: Column[] = section.columns.map(({ title, cell, flexible, keepsEnd }) => ({
    title,
    flexible,
    keepsEnd,
    cells: kept.map((item) => sanitize(cell(item, inventory))),
  }));
  const rows = formatRows(columns, width - 2);
  if (section.columns.length > 0 && kept.length > 0) lines.push(`  ${paint.dim(rows[0] ?? '')}`);
  for (const [index, item] of kept.entries()) {
    if (section.columns.length > 0) lines.push(`  ${rows[index + 1] ?? ''}`);
    else lines.push(`  ${sanitize(item.file)}`);
    lines.push(...describeItem(item, inventory).map((text) => `      ${paint.dim(clip(text, width - 6))}`));
    const told = item.problems.filter(({ code }) => !section.plainNotes?.includes(code));
    lines.push(...told.flatMap((problem) => formatProblem(problem, drawing)));
  }
  if (kept.length < shown.length) lines.push(`  ${shown.length - kept.length} more; --all shows them`);
  const hidden = items.length - shown.length;
  if (section.hidden !== undefined && hidden > 0 && !options.onlyProblems) {
    lines.push(`  ${shown.length > 0 ? `${hidden} more` : hidden} ${section.hidden}; --all shows them`);
  }
  return lines;
}

/** More rows than anybody reads. */
const mostRows = 200;

function formatProblem({ level, message }: Problem, { width, paint, options }: Drawing): string[] {
  if (level === 'note' && options.onlyProblems) return [];
  const color = level === 'error' ? paint.red : level === 'warning' ? paint.yellow : paint.dim;
  const [first = '', ...rest] = wrap(sanitize(message), width - 6 - level.length - 2);
  const indent = ' '.repeat(6 + level.length + 2);
  return [`      ${color(`${level}:`)} ${first}`, ...rest.map((line) => `${indent}${line}`)];
}

/** At blanks, so that a message can be read on any terminal. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}\u2026`;
}

const nouns: readonly [kind: ItemKind, one: string, many: string][] = [
  ['private-key', 'private key', 'private keys'],
  ['public-key', 'public key', 'public keys'],
  ['certificate', 'certificate', 'certificates'],
  ['authorized-key', 'authorized key', 'authorized keys'],
  ['known-host', 'known host line', 'known host lines'],
  ['allowed-signer', 'allowed signer', 'allowed signers'],
];

function formatSummary({ summary, folders }: Inventory, paint: Paint): string {
  const { counts, errors, warnings } = summary;
  const parts = nouns
    .filter(([kind]) => counts[kind] > 0)
    .map(([kind, one, many]) => `${counts[kind]} ${counts[kind] === 1 ? one : many}`);
  const found =
    parts.length === 0 ? `no keys in ${folders.map((folder) => sanitize(folder)).join(', ')}` : parts.join(', ');
  const wrong = [
    ...(errors > 0 ? [paint.red(`${errors} ${errors === 1 ? 'error' : 'errors'}`)] : []),
    ...(warnings > 0 ? [paint.yellow(`${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`)] : []),
  ];
  return `${found}: ${wrong.length === 0 ? 'nothing is wrong' : wrong.join(', ')}`;
}
