/** Writes lines to a pipe whose reader may hang: what does not fit waits, up to a bound, and the server never does. */
import { constants, openSync, writeSync } from 'node:fs';

/** Lines beyond it are lost rather than the server's memory. */
const maxWaitingBytes = 1024 * 1024;
const retryMs = 50;

/** Writes to a pipe that this process holds; undefined where the system has no second way to it. */
export function openPatientWriter(fd: number): ((text: string) => void) | undefined {
  let own: number;
  try {
    // A description of our own: one that does not block must not be shared with other programs, which do not expect it.
    own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  let waiting: string[] = [];
  let waitingBytes = 0;
  const flush = (): void => {
    let done = 0;
    while (done < waiting.length && tryWrite(own, waiting[done] as string)) done++;
    waiting = waiting.slice(done);
    waitingBytes = waiting.reduce((sum, text) => sum + text.length, 0);
    if (waiting.length > 0) setTimeout(flush, retryMs).unref();
  };
  process.once('exit', flush);
  return (text) => {
    if (waiting.length === 0 && tryWrite(own, text)) return;
    if (waitingBytes + text.length > maxWaitingBytes) return;
    if (waiting.length === 0) setTimeout(flush, retryMs).unref();
    waiting.push(text);
    waitingBytes += text.length;
  };
}

/** False where there is no room right now. A pipe takes a line of up to 4096 bytes whole or not at all. */
function tryWrite(fd: number, text: string): boolean {
  try {
    writeSync(fd, text);
    return true;
  } catch (error) {
    // Any other failure stays one: whoever read it has gone.
    return (error as NodeJS.ErrnoException).code !== 'EAGAIN';
  }
}
