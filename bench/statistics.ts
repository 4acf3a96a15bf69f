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
