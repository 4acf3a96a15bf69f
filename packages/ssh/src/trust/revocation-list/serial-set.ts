/** The serials that an authority's certificates are revoked by, searched where they lie in the file. */
import { type Source, sectionHeadBytes, sourceOf } from './format.ts';
import { findSerialForm } from './serial-forms/table.ts';
import { type Extent, halvesAt, isBelow, type SerialForm } from './serial-forms/types.ts';
import { SerialCollector } from './serial-ranges.ts';
import { encodeSerials } from './serial-writer.ts';

/** Sections of serials, each by where it begins. */
export class SerialSet {
  #source: Source;
  #starts: number[] = [];
  #isTidy = true;
  #end: Extent['last'] = { high: 0, low: 0 };

  constructor(source: Source) {
    this.#source = source;
  }

  get isEmpty(): boolean {
    return this.#starts.length === 0;
  }

  /** Takes the section that begins at `start` and ends at `end`. Throws for one that is broken. */
  add(form: SerialForm, start: number, end: number): void {
    const extent = form.check(this.#source, start + sectionHeadBytes, end);
    if (extent === undefined) return;
    // In order, and none begins where another still goes on: then one search finds the only one that may hold a serial.
    this.#isTidy &&= extent.isSorted && isBelow(this.#end, extent.first);
    this.#end = extent.last;
    this.#starts.push(start);
  }

  /**
   * Makes ready for questions. Sections in order, as OpenSSH writes them, stay as they are; others are sorted and written anew.
   *
   * @throws SshError `limit-exceeded`
   */
  finish(): void {
    if (this.#isTidy) return;
    const collector = new SerialCollector();
    for (const [first, last] of this.#rangesAsTheyLie()) collector.add(first, last);
    this.#source = sourceOf(encodeSerials(collector.union()), this.#source.name);
    this.#starts = [];
    for (let at = 0; at < this.#source.bytes.length; at = this.#endOf(at)) this.#starts.push(at);
    this.#isTidy = true;
  }

  has(serial: bigint): boolean {
    const high = Number(serial >> 32n);
    const low = Number(serial & 0xffff_ffffn);
    const at = this.#lastNotAbove(high, low);
    if (at === undefined) return false;
    return this.#formAt(at).has(this.#source, at + sectionHeadBytes, this.#endOf(at), high, low);
  }

  /** The ranges in order, those that touch joined, whatever the sections they came in. */
  *ranges(): Generator<readonly [first: bigint, last: bigint]> {
    let first: bigint | undefined;
    let last = 0n;
    for (const [nextFirst, nextLast] of this.#rangesAsTheyLie()) {
      if (first !== undefined && nextFirst <= last + 1n) {
        if (nextLast > last) last = nextLast;
        continue;
      }
      if (first !== undefined) yield [first, last];
      first = nextFirst;
      last = nextLast;
    }
    if (first !== undefined) yield [first, last];
  }

  *#rangesAsTheyLie(): Generator<readonly [first: bigint, last: bigint]> {
    for (const at of this.#starts) {
      yield* this.#formAt(at).ranges(this.#source, at + sectionHeadBytes, this.#endOf(at));
    }
  }

  /** The last section whose lowest serial is not above this one. */
  #lastNotAbove(high: number, low: number): number | undefined {
    const { view } = this.#source;
    let [from, to] = [0, this.#starts.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const lowest = halvesAt(view, (this.#starts[middle] as number) + sectionHeadBytes);
      if (isBelow({ high, low }, lowest)) to = middle;
      else from = middle + 1;
    }
    return this.#starts[from - 1];
  }

  #formAt(at: number): SerialForm {
    return findSerialForm(this.#source.bytes[at] as number) as SerialForm;
  }

  /** The section was checked when it was added. */
  #endOf(at: number): number {
    return at + sectionHeadBytes + this.#source.view.getUint32(at + 1);
  }
}
