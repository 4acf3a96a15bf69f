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
  /** Whether another repetition would end in time, after so many. */
  mayRepeat(done: number): boolean;
}

/** A table's part of the time: what is left, shared with those that come after it. */
export function startTable(now: () => number = () => performance.now()): TableClock {
  const start = now();
  const end = start + (endsAt - start) / Math.max(1, tablesLeft--);
  return {
    mayRepeat(done) {
      if (done < fewestRepetitions) return true;
      return now() + (now() - start) / done <= end;
    },
  };
}
