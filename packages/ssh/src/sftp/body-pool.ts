/** Memory for long messages, used again and again: a transfer would else allocate, and clear, as much as it moves. */

/** Shorter messages are left to the garbage collector. */
const smallestBytes = 16 * 1024;
/** What is kept for the next messages. */
const keptBytes = 4 * 1024 * 1024;

/** Buffers in sizes of powers of two. */
export class BodyPool {
  readonly #free = new Map<number, Buffer[]>();
  #freeBytes = 0;
  /** What was taken and not given back: nothing else is taken back, and nothing twice. */
  readonly #taken = new WeakSet<ArrayBufferLike>();

  /** Memory of so many bytes, holding whatever it held before: every byte of it has to be written. */
  take(byteCount: number): Buffer {
    if (byteCount < smallestBytes) return Buffer.allocUnsafe(byteCount);
    const size = 2 ** Math.ceil(Math.log2(byteCount));
    let body = this.#free.get(size)?.pop();
    if (body === undefined) body = Buffer.allocUnsafeSlow(size);
    else this.#freeBytes -= size;
    this.#taken.add(body.buffer);
    return body.subarray(0, byteCount);
  }

  /** Takes back what `take` gave, or a view of it; of other memory it keeps nothing. Nobody may look at it afterwards. */
  give(body: Buffer): void {
    const { buffer } = body;
    if (!this.#taken.delete(buffer)) return;
    const size = buffer.byteLength;
    if (this.#freeBytes + size > keptBytes) return;
    this.#freeBytes += size;
    const list = this.#free.get(size) ?? [];
    if (list.length === 0) this.#free.set(size, list);
    list.push(Buffer.from(buffer as ArrayBuffer, 0, size));
  }
}
