/** Strings of a list (keys, hashes, key ids), searched where they lie in the file. */
import { flawed, type Source, sectionHeadBytes, stringEnd } from './format.ts';

/** So many questions are answered by walking the strings: one who asks no more than these needs no index. */
const walksBeforeIndex = 4;
const lengthBytes = 4;

/** The strings of all sections of one kind. Order and repetitions in the file do not matter. */
export class StringSet {
  readonly #source: Source;
  /** If every string must have this length: what it is the length of, for errors. */
  readonly #fixedBytes: number | undefined;
  #regions: { start: number; end: number }[] = [];
  #count = 0;
  #walks = 0;
  /** Where each string's length stands, in the order of the strings' bytes. */
  #index: Uint32Array | undefined;

  constructor(source: Source, fixedBytes?: number) {
    this.#source = source;
    this.#fixedBytes = fixedBytes;
  }

  get count(): number {
    return this.#count;
  }

  /** Takes the section that begins at `start` and ends at `end`, and checks every length in it. */
  add(start: number, end: number): void {
    const first = start + sectionHeadBytes;
    let count = 0;
    for (let at = first; at < end; count++) {
      const next = stringEnd(this.#source, at, end);
      if (this.#fixedBytes !== undefined && next - at - lengthBytes !== this.#fixedBytes) {
        throw flawed(this.#source, at, `a hash of ${next - at - lengthBytes} bytes, expected ${this.#fixedBytes}`);
      }
      at = next;
    }
    if (count === 0) return;
    this.#regions.push({ start: first, end });
    this.#count += count;
  }

  has(wanted: Uint8Array): boolean {
    if (this.#count === 0) return false;
    if (this.#index === undefined && this.#walks++ < walksBeforeIndex) return this.#walkFor(wanted);
    return this.#searchFor(wanted);
  }

  /** Each string once, in the order of their bytes. */
  *values(): Generator<Buffer> {
    let before: Buffer | undefined;
    for (const at of this.#sorted()) {
      const value = this.#valueAt(at);
      if (before?.equals(value) !== true) yield value;
      before = value;
    }
  }

  #walkFor(wanted: Uint8Array): boolean {
    const { bytes, view } = this.#source;
    const { length } = wanted;
    for (const { start, end } of this.#regions) {
      for (let at = start; at < end; ) {
        const found = view.getUint32(at);
        if (found === length && isSame(bytes, at + lengthBytes, wanted)) return true;
        at += lengthBytes + found;
      }
    }
    return false;
  }

  #searchFor(wanted: Uint8Array): boolean {
    const { bytes, view } = this.#source;
    const index = this.#sorted();
    let [from, to] = [0, index.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const at = index[middle] as number;
      const start = at + lengthBytes;
      const order = bytes.compare(wanted, 0, wanted.length, start, start + view.getUint32(at));
      if (order === 0) return true;
      if (order < 0) from = middle + 1;
      else to = middle;
    }
    return false;
  }

  #sorted(): Uint32Array {
    if (this.#index !== undefined) return this.#index;
    const { view } = this.#source;
    const index = new Uint32Array(this.#count);
    let count = 0;
    for (const { start, end } of this.#regions) {
      for (let at = start; at < end; at += lengthBytes + view.getUint32(at)) index[count++] = at;
    }
    if (!this.#isInOrder(index)) index.sort((a, b) => this.#compare(a, b));
    this.#index = index;
    return index;
  }

  /** As OpenSSH writes them. */
  #isInOrder(index: Uint32Array): boolean {
    for (let i = 1; i < index.length; i++) {
      if (this.#compare(index[i - 1] as number, index[i] as number) > 0) return false;
    }
    return true;
  }

  #compare(a: number, b: number): number {
    const { bytes, view } = this.#source;
    const [startA, startB] = [a + lengthBytes, b + lengthBytes];
    return bytes.compare(bytes, startB, startB + view.getUint32(b), startA, startA + view.getUint32(a));
  }

  #valueAt(at: number): Buffer {
    return this.#source.bytes.subarray(at + lengthBytes, at + lengthBytes + this.#source.view.getUint32(at));
  }
}

/** Byte by byte: most strings differ in the first few, and a call out of JavaScript costs more than those. */
function isSame(bytes: Buffer, start: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[start + i] !== wanted[i]) return false;
  return true;
}
