/** The system calls of local files made at once as long as they are quick, and by threads while they are not. */
import { performance } from 'node:perf_hooks';
import { blockingCalls, type FileCalls, threadedCalls } from './calls.ts';

/** A call that takes longer than this has waited for something. */
const slowMs = 2;
/** Who waits once may only have lost the processor to another program: so many times, with few quick calls between them, is a disk. */
const slowCalls = 3;
/** So many quick calls make good a slow one. */
const quickCalls = 32;
/** A wait that others notice needs no second one. */
const longMs = 100;
/** How long threads take over then. */
const patienceMs = 500;

/** Putting bytes on the disk is what they are for: these are never quick. */
const alwaysThreaded: ReadonlySet<string> = new Set(['fsync'] satisfies (keyof FileCalls)[]);

type AnyCall = (...values: readonly unknown[]) => unknown;

/**
 * For a process that serves several and may be kept waiting for a moment, but not for a disk that spins up. A call that never
 * returns keeps the process for ever: file systems of a network are not for this.
 *
 * @param now - milliseconds, for tests.
 */
export function pacedCalls(now: () => number = () => performance.now(), quick = blockingCalls): FileCalls {
  let threadedUntil = Number.NEGATIVE_INFINITY;
  let waits = 0;
  const judge = (began: number): void => {
    const ended = now();
    const tookMs = ended - began;
    if (tookMs <= slowMs) {
      if (waits > 0) waits -= 1 / quickCalls;
      return;
    }
    waits += 1;
    if (waits < slowCalls && tookMs <= longMs) return;
    threadedUntil = ended + patienceMs;
    // It is tried again then, and once more is enough.
    waits = slowCalls - 1;
  };
  const paced = (name: keyof FileCalls): AnyCall => {
    const [atOnce, later] = [quick[name] as AnyCall, threadedCalls[name] as AnyCall];
    if (alwaysThreaded.has(name)) return later;
    return (...values) => {
      const began = now();
      if (began < threadedUntil) return later(...values);
      try {
        return atOnce(...values);
      } finally {
        judge(began);
      }
    };
  };
  const names = Object.keys(quick) as (keyof FileCalls)[];
  return Object.fromEntries(names.map((name) => [name, paced(name)])) as unknown as FileCalls;
}
