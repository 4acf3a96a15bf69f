/** Writes serials in the fewest bytes: which runs go into lists, which are ranges, which share a bitmap. */
import { maxWrittenBitmapBits } from '../../limits.ts';
import { WireWriter } from '../../wire/index.ts';
import { certificateSectionTypes, sectionHeadBytes } from './format.ts';
import type { SerialRanges } from './serial-ranges.ts';

/** The form of the section that a range goes into; the bitmap or list of the range before is gone on with where it can be. */
type Form = 'list' | 'range' | 'bitmap';
const forms = ['list', 'range', 'bitmap'] as const;

/** A way to write the ranges up to here, by the form of the last one. */
interface Way {
  bytes: number;
  /** Of a bitmap: what all before it takes, and its first serial. */
  before: number;
  first: bigint;
}

const serialBytes = 8;
const rangeSectionBytes = sectionHeadBytes + 2 * serialBytes;
const bitmapHeadBytes = sectionHeadBytes + serialBytes + 4;
/** A longer run is always better off as a range. */
const maxListedRun = 8n;

/** The sections of an authority's serials, one behind the other. */
export function encodeSerials(ranges: SerialRanges): Buffer {
  const writer = new WireWriter();
  const plan = planForms(ranges);
  const count = plan.length;
  for (let i = 0; i < count; ) {
    const { form } = plan[i] as Step;
    let next = i + 1;
    if (form !== 'range') while (next < count && plan[next]?.goesOn === true) next++;
    if (form === 'list') writeList(writer, ranges, i, next);
    else if (form === 'range') writeRange(writer, ranges, i);
    else writeBitmap(writer, ranges, i, next);
    i = next;
  }
  return writer.finish();
}

interface Step {
  readonly form: Form;
  /** In the same section as the range before. */
  readonly goesOn: boolean;
}

/**
 * The cheapest form for each range: for every form of the last range one way there is no worse than any other, whatever follows
 * (the cheapest; of bitmaps see below), so one pass with three ways in hand finds it, and one pass back reads it off.
 */
function planForms({ firsts, lasts }: SerialRanges): Step[] {
  const count = firsts.length;
  // For each range and form: two bits for the form of the range before, one for going on with its section.
  const cameFrom = new Uint8Array(count * forms.length);
  let ways: [Way, Way, Way] = [noWay, noWay, noWay];
  let cheapest = { form: 0, bytes: 0 };
  for (let i = 0; i < count; i++) {
    const first = firsts[i] as bigint;
    const last = lasts[i] as bigint;
    const run = last - first + 1n;
    const [list, , bitmap] = ways;

    const listed = run > maxListedRun ? Number.POSITIVE_INFINITY : Number(run) * serialBytes;
    const newList = cheapest.bytes + sectionHeadBytes + listed;
    const sameList = list.bytes + listed;
    const listGoesOn = sameList <= newList;

    const newBitmap = cheapest.bytes + bitmapBytes(run);
    const sameBitmap = bitmap.before + bitmapBytes(last - bitmap.first + 1n);
    // What it takes when it ends at x is ⌊(x + 8·before − first) / 8⌋ and a constant: of two that are open, the one with the lower
    // 8·before − first takes no more whatever follows, though both may take the same now.
    const bitmapGoesOn =
      Number.isFinite(sameBitmap) && 8 * (cheapest.bytes - bitmap.before) >= Number(first - bitmap.first);

    const at = i * forms.length;
    cameFrom[at] = listGoesOn ? 4 : cheapest.form;
    cameFrom[at + 1] = cheapest.form;
    cameFrom[at + 2] = bitmapGoesOn ? 4 + 2 : cheapest.form;
    ways = [
      { ...noWay, bytes: Math.min(sameList, newList) },
      { ...noWay, bytes: cheapest.bytes + rangeSectionBytes },
      bitmapGoesOn
        ? { bytes: sameBitmap, before: bitmap.before, first: bitmap.first }
        : { bytes: newBitmap, before: cheapest.bytes, first },
    ];
    cheapest = { form: 0, bytes: ways[0].bytes };
    for (const form of [1, 2] as const)
      if (ways[form].bytes < cheapest.bytes) cheapest = { form, bytes: ways[form].bytes };
  }
  const plan: Step[] = new Array(count);
  let form = cheapest.form;
  for (let i = count - 1; i >= 0; i--) {
    const from = cameFrom[i * forms.length + form] as number;
    plan[i] = { form: forms[form] as Form, goesOn: from >= 4 };
    form = from & 3;
  }
  return plan;
}

const noWay: Way = { bytes: Number.POSITIVE_INFINITY, before: Number.POSITIVE_INFINITY, first: 0n };

/** What a bitmap of so many bits takes, with its section's head. Its mpint needs a sign byte where the top bit fills a byte. */
function bitmapBytes(bits: bigint): number {
  if (bits > BigInt(maxWrittenBitmapBits)) return Number.POSITIVE_INFINITY;
  return bitmapHeadBytes + Math.floor(Number(bits) / 8) + 1;
}

function writeList(writer: WireWriter, { firsts, lasts }: SerialRanges, from: number, to: number): void {
  let count = 0;
  for (let i = from; i < to; i++) count += Number((lasts[i] as bigint) - (firsts[i] as bigint)) + 1;
  writer.uint8(certificateSectionTypes.serialList).uint32(count * serialBytes);
  for (let i = from; i < to; i++) {
    const last = lasts[i] as bigint;
    for (let serial = firsts[i] as bigint; serial <= last; serial++) writer.uint64(serial);
  }
}

function writeRange(writer: WireWriter, { firsts, lasts }: SerialRanges, i: number): void {
  writer.uint8(certificateSectionTypes.serialRange).uint32(2 * serialBytes);
  writer.uint64(firsts[i] as bigint).uint64(lasts[i] as bigint);
}

function writeBitmap(writer: WireWriter, { firsts, lasts }: SerialRanges, from: number, to: number): void {
  const offset = firsts[from] as bigint;
  const bits = Number((lasts[to - 1] as bigint) - offset) + 1;
  // The lowest serial is the lowest bit of the last byte.
  const body = Buffer.alloc(Math.floor(bits / 8) + 1);
  for (let i = from; i < to; i++) {
    const last = Number((lasts[i] as bigint) - offset);
    for (let bit = Number((firsts[i] as bigint) - offset); bit <= last; bit++) {
      const at = body.length - 1 - (bit >> 3);
      body[at] = (body[at] as number) | (1 << (bit & 7));
    }
  }
  writer.uint8(certificateSectionTypes.serialBitmap).uint32(serialBytes + 4 + body.length);
  writer.uint64(offset).string(body);
}
