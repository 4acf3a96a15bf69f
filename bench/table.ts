/** A table of results: rows measured in turns, printed as Markdown, kept as JSON. */
import { startTable } from './clock.ts';
import { orderOf, ratiosOf, type Spread, spreadOf } from './statistics.ts';

/** One column: a number taken from each repetition. */
export interface Measure {
  readonly key: string;
  readonly title: string;
  readonly digits: number;
  /** Whether its ratio to the base is shown. */
  readonly ratio?: boolean;
}

/** What one repetition of one row measured, by the keys of the measures. */
export type Sample = Readonly<Record<string, number>>;

export interface Row {
  readonly name: string;
  readonly samples: (Sample | undefined)[];
  /** Why it was not measured. */
  skipped?: string | undefined;
}

export interface Table {
  readonly title: string;
  readonly measures: readonly Measure[];
  readonly rows: readonly Row[];
}

export interface Competitor {
  readonly name: string;
  readonly skipped?: string | undefined;
  /** Measured in so many repetitions only: for rows that are there to compare with and take long. */
  readonly most?: number;
  readonly sample: () => Promise<Sample>;
}

/**
 * Measures all competitors `repetitions` times in turns, or less often where the time that the workload was given is over. One
 * that fails is out, with the reason, and the others go on; where there are ratios the first one is their base and has to work.
 */
export async function measureInTurns(
  title: string,
  measures: readonly Measure[],
  competitors: readonly Competitor[],
  repetitions: number,
  progress: (line: string) => void,
): Promise<Table> {
  const rows = competitors.map(({ name, skipped }): Row => ({ name, samples: [], skipped }));
  const order = competitors.map((_, i) => i);
  const hasRatios = measures.some(({ ratio }) => ratio === true);
  const clock = startTable();
  for (let repetition = 0; repetition < repetitions; repetition++) {
    if (!clock.mayRepeat(repetition)) break;
    for (const i of orderOf(order, repetition)) {
      const [row, competitor] = [rows[i], competitors[i]];
      if (row === undefined || competitor === undefined || row.skipped !== undefined) continue;
      if (repetition >= (competitor.most ?? repetitions)) continue;
      progress(`${title}, ${competitor.name}, ${repetition + 1} of ${repetitions}`);
      try {
        row.samples[repetition] = await competitor.sample();
      } catch (error) {
        if (i === 0 && hasRatios) throw error;
        row.skipped = `failed: ${error instanceof Error ? error.message.split('\n', 1)[0] : String(error)}`;
      }
    }
  }
  return { title, measures, rows };
}

/** The table as Markdown: medians with their range, ratios to the first row beside them. */
export function formatTable({ title, measures, rows }: Table): string {
  const columns = measures.flatMap((measure) => [measure.title, ...(measure.ratio === true ? ['ratio'] : [])]);
  const counts = rows.map(({ samples }) => samples.filter((sample) => sample !== undefined).length);
  // Where all rows were measured alike, the title tells how often.
  const most = Math.max(0, ...counts);
  const lines = [
    `**${title.replace(/n = \d+$/, `n = ${most}`)}**`,
    '',
    `| | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => '---|').join('')}`,
  ];
  for (const row of rows) {
    if (row.skipped !== undefined)
      lines.push(`| ${row.name} | ${[row.skipped, ...columns.slice(1).map(() => '')].join(' | ')} |`);
    else
      lines.push(
        `| ${row.name}${counts[rows.indexOf(row)] === most ? '' : `, n = ${counts[rows.indexOf(row)]}`} | ${measures.flatMap((measure) => formatCells(measure, row, rows[0])).join(' | ')} |`,
      );
  }
  return lines.join('\n');
}

function formatCells(measure: Measure, row: Row, base: Row | undefined): string[] {
  const values = row.samples.map((sample) => sample?.[measure.key]);
  const spread = spreadOf(values.filter((value) => value !== undefined));
  const cells = [formatSpread(spread, measure.digits)];
  if (measure.ratio === true) {
    const ratios = ratiosOf(values, base?.samples.map((sample) => sample?.[measure.key]) ?? []);
    cells.push(row === base ? '1' : formatSpread(spreadOf(ratios), 2));
  }
  return cells;
}

export function formatSpread(spread: Spread | undefined, digits: number): string {
  if (spread === undefined) return '-';
  const text = (value: number) => value.toFixed(digits);
  return spread.min === spread.max
    ? text(spread.median)
    : `${text(spread.median)} (${text(spread.min)}..${text(spread.max)})`;
}
