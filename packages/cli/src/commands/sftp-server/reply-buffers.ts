/** Memory for replies that carry a file's bytes, used again as soon as they were written: fresh memory is cold and has to be cleared. */

/** Less than this comes out of Node's own pool. */
const smallestBytes = 16 * 1024;
/** Sizes are rounded up to a multiple: after a short read a client asks for the rest, which is of another size for every file. */
const stepBytes = 64 * 1024;
/** Kept of each size. */
const keptEach = 8;
const keptSizes = 4;

export class ReplyBuffers {
  readonly #free = new Map<number, Buffer[]>();

  readonly #own = new WeakSet<ArrayBufferLike>();

  take(byteCount: number): Buffer {
    if (byteCount < smallestBytes) return Buffer.allocUnsafe(byteCount);
    const size = Math.ceil(byteCount / stepBytes) * stepBytes;
    const kept = this.#free.get(size)?.pop();
    if (kept !== undefined) return kept.subarray(0, byteCount);
    const made = Buffer.allocUnsafeSlow(size);
    this.#own.add(made.buffer);
    return made.subarray(0, byteCount);
  }

  /** Takes back a frame that was written, or any part of it; what came from elsewhere is left alone. */
  give(frame: Buffer): void {
    const { buffer } = frame;
    if (!this.#own.has(buffer)) return;
    const whole = Buffer.from(buffer as ArrayBuffer);
    const kept = this.#free.get(buffer.byteLength);
    if (kept === undefined) {
      if (this.#free.size >= keptSizes) this.#free.clear();
      this.#free.set(buffer.byteLength, [whole]);
    } else if (kept.length < keptEach) kept.push(whole);
  }
}
