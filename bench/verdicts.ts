/** The table of targets: what was reached of each, computed from the samples. */
import { ratiosOf, type Spread, spreadOf } from './statistics.ts';
import { formatSpread, type Row, type Table } from './table.ts';
import type { Place, Target } from './targets.ts';

export interface Verdict {
  readonly target: Target;
  /** Why there is no figure. */
  readonly missing?: string;
  readonly reached?: Spread;
  readonly count?: number;
  /** The same of the row that holds the base once more: what chance alone does. */
  readonly chance?: Spread | undefined;
  /** Undefined where there is no bound, or no figure. */
  readonly isMet?: boolean | undefined;
}

/** Judges one target by the tables of its workload; undefined for a workload that has not run. */
export function judge(target: Target, tables: readonly Table[] | undefined): Verdict {
  if (tables === undefined) return { target, missing: 'not measured' };
  const table = tables.find(({ title }) => title.includes(target.table));
  if (table === undefined) return { target, missing: `no table "${target.table}"` };
  const row = table.rows.find(({ name }) => name === target.row);
  if (row === undefined) return { target, missing: `no row "${target.row}"` };
  if (row.skipped !== undefined) return { target, missing: row.skipped };
  // A run of this row alone has nothing to compare it with.
  if (target.as !== 'value' && target.against === undefined && row === table.rows[0])
    return { target, missing: 'its base was not measured' };
  const figures = figuresOf(target, row, table, tables);
  const reached = spreadOf(figures);
  if (reached === undefined) return { target, missing: `no figure "${target.column}"` };
  // Such as the logarithm of what is less than nothing: neither met nor missed.
  if (!figures.every(Number.isFinite)) return { target, missing: `a "${target.column}" that is no number` };
  const again = table.rows.find(({ name }) => name.endsWith('(again)'));
  const chance =
    again === undefined || target.as === 'value' ? undefined : spreadOf(figuresOf(target, again, table, tables));
  return { target, reached, count: figures.length, chance, isMet: isWithin(target, reached.median) };
}

function figuresOf(target: Target, row: Row, table: Table, tables: readonly Table[]): number[] {
  const values = valuesOf(row, target.column);
  if (target.as === 'value') return values.filter((value) => value !== undefined);
  const against: Partial<Place> = target.against ?? {};
  const other =
    against.table === undefined ? table : tables.find(({ title }) => title.includes(against.table as string));
  const base = against.row === undefined ? other?.rows[0] : other?.rows.find(({ name }) => name === against.row);
  let bases = base === undefined ? [] : valuesOf(base, against.column ?? target.column);
  if (other !== table) {
    // Another table's repetitions were measured at another time.
    const median = spreadOf(bases.filter((value) => value !== undefined))?.median;
    bases = values.map(() => median);
  }
  if (target.as === 'inverse') return ratiosOf(bases, values);
  if (target.as === 'ratio') return ratiosOf(values, bases);
  return values.flatMap((value, i) => {
    const from = bases[i];
    return value === undefined || from === undefined ? [] : [value - from];
  });
}

function valuesOf(row: Row, column: string): (number | undefined)[] {
  // What was read from a file has null where a repetition is missing.
  return row.samples.map((sample) => sample?.[column] ?? undefined);
}

function isWithin({ atLeast, atMost }: Target, value: number): boolean | undefined {
  if (atLeast !== undefined) return value >= atLeast;
  return atMost === undefined ? undefined : value <= atMost;
}

/** The verdicts as Markdown, with how many of them are met. */
export function formatVerdicts(verdicts: readonly Verdict[]): string {
  const judged = verdicts.filter(({ isMet }) => isMet !== undefined);
  const met = judged.filter(({ isMet }) => isMet === true).length;
  const bounded = verdicts.filter(({ target }) => (target.atLeast ?? target.atMost) !== undefined).length;
  const lines = [
    `${met} of ${bounded} targets are met, ${judged.length - met} are missed, ${bounded - judged.length} were not measured.`,
    '',
    '| | row | target | reached | n | base again | |',
    '|---|---|---|---|---|---|---|',
    ...verdicts.map(formatVerdict),
  ];
  return lines.join('\n');
}

function formatVerdict({ target, missing, reached, count, chance, isMet }: Verdict): string {
  const { what, row, unit, atLeast, atMost } = target;
  const digits = target.as === 'value' || target.as === 'difference' ? 1 : 2;
  const small = (atMost ?? 1) < 0.1 || target.column === 'exponent';
  const text = (spread: Spread | undefined) =>
    spread === undefined ? '' : `${formatSpread(spread, small ? 3 : digits)}${unit === undefined ? '' : ` ${unit}`}`;
  const bound =
    atLeast === undefined ? (atMost === undefined ? '' : `<= ${shorten(atMost)}`) : `>= ${shorten(atLeast)}`;
  const verdict = missing ?? (isMet === undefined ? '' : isMet ? 'met' : '**missed**');
  return `| ${[what, row, `${bound}${bound !== '' && unit !== undefined ? ` ${unit}` : ''}`, text(reached), count ?? '', text(chance), verdict].join(' | ')} |`;
}

function shorten(bound: number): string {
  return String(Number(bound.toFixed(3)));
}
