/** Medians, ranges and ratios of repeated measurements. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Median, least and greatest of the values; undefined without values. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  const median = sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
  return { median, min: sorted[0] as number, max: sorted[sorted.length - 1] as number };
}

/** Ratios taken repetition by repetition: what the machine did meanwhile falls on both. */
export function ratiosOf(values: readonly (number | undefined)[], base: readonly (number | undefined)[]): number[] {
  return values.flatMap((value, i) => {
    const other = base[i];
    return value === undefined || other === undefined || other === 0 ? [] : [value / other];
  });
}

/** The order of the rows in a repetition: ABC, CBA, ABC …, so that a drift of the machine falls on all alike. */
export function orderOf<T>(rows: readonly T[], repetition: number): readonly T[] {
  return repetition % 2 === 0 ? rows : [...rows].reverse();
}

/**
 * The power by which the cost of all grows, where one of them costs `from` and with so many times as many `to`: 1 is in proportion.
 * Throws for a cost that is not more than nothing: it was too small to be read, and whoever left it out would make the median better.
 */
export function exponentOf(from: number, to: number, factor: number): number {
  for (const cost of [from, to])
    if (!(cost > 0)) throw new Error(`one was read to cost ${cost.toFixed(1)}, so there is no exponent`);
  return 1 + Math.log(to / from) / Math.log(factor);
}
