/** The system calls of local files made at once as long as they are quick, and by threads while they are not. */
import { Pace } from '../../io/index.ts';
import { blockingCalls, type FileCalls, threadedCalls } from './calls.ts';

/** Putting bytes on the disk is what they are for: these are never quick. */
const alwaysThreaded: ReadonlySet<string> = new Set(['fsync'] satisfies (keyof FileCalls)[]);

type AnyCall = (...values: readonly unknown[]) => unknown;

/**
 * For a process that serves several and may be kept waiting for a moment, but not for a disk that spins up. A call that never
 * returns keeps the process for ever: file systems of a network are not for this.
 */
export function pacedCalls(pace = new Pace(), quick = blockingCalls): FileCalls {
  const paced = (name: keyof FileCalls): AnyCall => {
    const [atOnce, later] = [quick[name] as AnyCall, threadedCalls[name] as AnyCall];
    if (alwaysThreaded.has(name)) return later;
    return (...values) =>
      pace.run(
        () => atOnce(...values),
        () => later(...values),
      );
  };
  const names = Object.keys(quick) as (keyof FileCalls)[];
  return Object.fromEntries(names.map((name) => [name, paced(name)])) as unknown as FileCalls;
}
