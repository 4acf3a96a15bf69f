/** Words on our own stdout, all of them there when the call returns. */
import { writeSync } from 'node:fs';

/** How long a reader that has no room is left alone before it is tried again. */
const pauseMs = 2;
const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * Writes to stdout and returns when the system has all of it: a tool may end at once, and loses nothing to a reader that is slow.
 * `process.stdout` would not wait where the pipe is non-blocking, and costs a short tool 2 ms to load.
 *
 * @throws Error of the system, EPIPE where nobody reads any more.
 */
export function print(text: string | Uint8Array): void {
  let rest: Uint8Array = typeof text === 'string' ? Buffer.from(text) : text;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(never, 0, 0, pauseMs);
    }
  }
}
