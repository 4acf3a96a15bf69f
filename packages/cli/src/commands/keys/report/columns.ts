/** Columns of text: aligned, cut where the terminal ends, painted only where somebody looks. */

export interface Column {
  readonly title: string;
  readonly cells: readonly string[];
  /** Gives way where the line is too long. */
  readonly flexible: boolean;
  /** Cut at its front: of a path, the end tells most. */
  readonly keepsEnd?: boolean | undefined;
}

/** Between 80 and 120 columns; a pipe has no width of its own. */
export function fitWidth(columns: number | undefined): number {
  return Math.min(120, Math.max(80, columns ?? 100));
}

const gap = 2;
const leastFlexible = 8;

/** The titles' line and a line a row. */
export function formatRows(columns: readonly Column[], width: number): string[] {
  if (columns.length === 0) return [];
  const wanted = columns.map(({ title, cells }) =>
    cells.reduce((most, cell) => Math.max(most, cell.length), title.length),
  );
  const widths = shrink(columns, wanted, width - gap * (columns.length - 1));
  const count = columns[0]?.cells.length ?? 0;
  const line = (pick: (column: Column) => string): string =>
    columns
      .map((column, at) => clip(pick(column), widths[at] as number, column.keepsEnd).padEnd(widths[at] as number))
      .join(' '.repeat(gap))
      .trimEnd();
  return [
    line(({ title }) => title),
    ...Array.from({ length: count }, (_, row) => line(({ cells }) => cells[row] as string)),
  ];
}

/** Takes from the widest of the columns that may give, until all fit. */
function shrink(columns: readonly Column[], wanted: readonly number[], width: number): number[] {
  const widths = [...wanted];
  let excess = widths.reduce((sum, each) => sum + each, 0) - width;
  while (excess > 0) {
    let widest = -1;
    for (const [at, { flexible }] of columns.entries()) {
      const fits = flexible && (widths[at] as number) > leastFlexible;
      if (fits && (widest < 0 || (widths[at] as number) > (widths[widest] as number))) widest = at;
    }
    if (widest < 0) break;
    widths[widest] = (widths[widest] as number) - 1;
    excess--;
  }
  return widths;
}

function clip(text: string, width: number, keepsEnd = false): string {
  if (text.length <= width) return text;
  return keepsEnd ? `\u2026${text.slice(text.length - width + 1)}` : `${text.slice(0, width - 1)}\u2026`;
}

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
}

export function createPaint(colors: boolean): Paint {
  const color = (code: number) => (text: string) => (colors && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text);
  return { bold: color(1), dim: color(2), red: color(31), yellow: color(33) };
}
