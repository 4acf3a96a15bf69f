/** The real clock behind the protocol's timers. */
import type { Clock } from '../transport/link.ts';

/** Longest delay that setTimeout takes; longer ones would fire at once. */
const maxDelayMs = 2 ** 31 - 1;

/** Monotonic time, and timers that do not keep a process alive by themselves: an open socket does that. */
export const systemClock: Clock = {
  // Not performance.now(), which takes a millisecond of a program's start to load.
  now: () => process.uptime() * 1000,
  setTimer(ms, callback) {
    // What was due a moment ago is due now; for less than nothing Node would print a warning.
    const timer = setTimeout(callback, Math.min(Math.max(ms, 0), maxDelayMs));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
