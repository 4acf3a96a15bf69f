/** The time that a workload was given: how often its rows are repeated where the machine is slower than was thought. */

/** What a median takes at least, however slow the machine is. */
const fewestRepetitions = 3;

let endsAt = Number.POSITIVE_INFINITY;
let tablesLeft = 1;

/** Gives the next tables so long together; without a length, as long as they take. */
export function startClock(ms: number = Number.POSITIVE_INFINITY, tables = 1): void {
  endsAt = performance.now() + ms;
  tablesLeft = tables;
}

export interface TableClock {
  /** Whether another repetition would end in time, after so many; to be asked before each. */
  mayRepeat(done: number): boolean;
}

/** A table's part of the time: what is left, shared with those that come after it. */
export function startTable(now: () => number = () => performance.now()): TableClock {
  const start = now();
  const end = start + (endsAt - start) / Math.max(1, tablesLeft--);
  let last = start;
  return {
    mayRepeat(done) {
      const at = now();
      // As long as the one before it: the first ones have slow rows in them that are not measured so often.
      const expected = at - last;
      last = at;
      return done < fewestRepetitions || at + expected <= end;
    },
  };
}
