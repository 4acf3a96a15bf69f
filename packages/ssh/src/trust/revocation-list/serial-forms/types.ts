/** A form in which serials are revoked, and serials as they are compared. */
import { flawed, type Source } from '../format.ts';

/** A serial in two halves: numbers compare without allocating, which bigints do not. */
export interface Halves {
  readonly high: number;
  readonly low: number;
}

/** What the check of a section found out; undefined where it revokes nothing. */
export interface Extent {
  readonly first: Halves;
  readonly last: Halves;
  /** Whether the section may be searched as it lies. */
  readonly isSorted: boolean;
}

export interface SerialForm {
  readonly type: number;
  /**
   * Checks the data from `start` to `end` wholly.
   *
   * @throws SshError `bad-file`
   */
  check(source: Source, start: number, end: number): Extent | undefined;
  /** Whether a checked and sorted section, whose first serial is not above this one, holds it. */
  has(source: Source, start: number, end: number, high: number, low: number): boolean;
  /** The ranges of a checked section, in the order in which they lie. */
  ranges(source: Source, start: number, end: number): Iterable<readonly [first: bigint, last: bigint]>;
}

export const serialBytes = 8;

export function halvesAt(view: DataView, at: number): Halves {
  return { high: view.getUint32(at), low: view.getUint32(at + 4) };
}

export function isBelow(a: Halves, b: Halves): boolean {
  return a.high < b.high || (a.high === b.high && a.low < b.low);
}

/** What every form refuses: it stands for no serial. */
export function serialZero(source: Source, at: number): Error {
  return flawed(source, at, 'serial 0, which stands for no serial and cannot be revoked');
}
