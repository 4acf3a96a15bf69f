/** A line of standard input, for programs that are run without a terminal. */
import { readSync } from 'node:fs';

/** More than any answer. */
const maxLineBytes = 4096;

/**
 * Reads up to a line feed, byte by byte so that what follows it is left for the next question (or for whoever reads next);
 * undefined where stdin is at its end.
 */
export function readStdinLine(): string | undefined {
  const line = Buffer.alloc(maxLineBytes);
  let length = 0;
  while (length < maxLineBytes) {
    const count = readByte(line, length);
    if (count === 0) break;
    if (line[length] === 0x0a) return take(line, length);
    length++;
  }
  return length === 0 ? undefined : take(line, length);
}

/** The text; a passphrase is not left behind in the bytes. */
function take(line: Buffer, length: number): string {
  const text = line.toString('utf8', 0, length);
  line.fill(0);
  return text;
}

function readByte(into: Buffer, offset: number): number {
  for (;;) {
    try {
      return readSync(0, into, offset, 1, null);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      // A descriptor that another program made non-blocking: look again in a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}
