/** Reads a file or standard input piece by piece, so that its size does not matter. */
import { readSync } from 'node:fs';

const pieceBytes = 256 * 1024;

/** Each piece is good until the next is asked for: they share one buffer. */
export function* readPieces(descriptor: number): Generator<Uint8Array, void> {
  const buffer = Buffer.allocUnsafe(pieceBytes);
  for (;;) {
    const count = readSome(descriptor, buffer);
    if (count === 0) return;
    yield buffer.subarray(0, count);
  }
}

function readSome(descriptor: number, buffer: Buffer): number {
  for (;;) {
    try {
      return readSync(descriptor, buffer, 0, buffer.length, null);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      // A descriptor that another program made non-blocking: look again in a moment.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}
