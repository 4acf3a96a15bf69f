/** Memory for replies that carry a file's bytes, used again as soon as they were written: fresh memory is cold and has to be cleared. */

/** Less than this comes out of Node's own pool. */
const smallestBytes = 16 * 1024;
/** Kept of each size; a client reads in one size, and a last part of another. */
const keptEach = 8;
const keptSizes = 4;

export class ReplyBuffers {
  readonly #free = new Map<number, Buffer[]>();

  take(byteCount: number): Buffer {
    if (byteCount < smallestBytes) return Buffer.allocUnsafe(byteCount);
    return this.#free.get(byteCount)?.pop() ?? Buffer.allocUnsafeSlow(byteCount);
  }

  /** Takes back a frame that was written, or any part from the head of it. */
  give(frame: Buffer): void {
    const { byteLength } = frame.buffer;
    // Small ones share their memory with others.
    if (byteLength < smallestBytes || frame.byteOffset !== 0 || frame.length <= Buffer.poolSize) return;
    const kept = this.#free.get(byteLength);
    if (kept === undefined) {
      if (this.#free.size >= keptSizes) this.#free.clear();
      this.#free.set(byteLength, [Buffer.from(frame.buffer)]);
    } else if (kept.length < keptEach) kept.push(Buffer.from(frame.buffer));
  }
}
