/** Usage texts, and the one error that carries them: what OpenSSH's tools print on stderr for a wrong argument. */
import { SshError } from '@nacre/ssh/errors';
import type { FlagRow, FlagTable } from './table.ts';

const usageColumns = 80;

/** A wrong argument: the mistake (if it has a line of its own) and the usage text, ready for stderr. */
export function usageError(table: FlagTable, mistake?: string): SshError {
  const usage = formatUsage(table);
  return new SshError(mistake === undefined ? usage : `${mistake}\n${usage}`, {
    code: 'misuse',
    stage: 'usage',
    remedy: `run "${table.tool}" with the options that the usage text lists`,
  });
}

/** `usage: tool [-46v] [-p port] destination`: flags without a value bundled, the others one by one, wrapped at 80 columns. */
export function formatUsage(table: FlagTable): string {
  if (table.usage !== undefined) return table.usage;
  const head = `usage: ${table.tool}`;
  const bundled = table.rows
    .filter((row) => row.value === undefined && row.letter.length === 1)
    .map((row) => row.letter);
  const words = bundled.length > 0 ? [`[-${bundled.join('')}]`] : [];
  for (const row of table.rows) {
    if (row.value !== undefined || row.letter.length > 1) words.push(`[${formatFlag(row)}]`);
  }
  if (table.operands !== undefined) words.push(table.operands);

  const lines: string[] = [];
  let line = head;
  for (const word of words) {
    if (line.length + 1 + word.length >= usageColumns && line.trim() !== '') {
      lines.push(line);
      line = ' '.repeat(head.length);
    }
    line += ` ${word}`;
  }
  return [...lines, line].join('\n');
}

/** The long help: the usage text and a line a flag. */
export function formatHelp(table: FlagTable): string {
  const left = table.rows.map((row) => `  ${formatFlag(row)}`);
  const width = Math.max(0, ...left.map((text) => text.length)) + 2;
  const rows = table.rows.map((row, i) => `${(left[i] as string).padEnd(width)}${row.help}`);
  return [formatUsage(table), '', ...rows].join('\n');
}

function formatFlag(row: FlagRow): string {
  const flag = `${row.letter.length > 1 ? '--' : '-'}${row.letter}`;
  return row.value === undefined ? flag : `${flag} ${row.value}`;
}
