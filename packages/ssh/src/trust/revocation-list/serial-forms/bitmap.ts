/** Serials as bits of a number, counted from an offset. */
import { maxRevocationBitmapBytes } from '../../../limits.ts';
import { certificateSectionTypes, flawed } from '../format.ts';
import { greatestSerial } from '../serial-ranges.ts';
import { halvesAt, type SerialForm, serialBytes, serialZero } from './types.ts';

const twoTo32 = 2 ** 32;

export const serialBitmap: SerialForm = {
  type: certificateSectionTypes.serialBitmap,
  check(source, start, end) {
    const { bytes, view } = source;
    const body = start + serialBytes + 4;
    if (end < body || view.getUint32(start + serialBytes) !== end - body) {
      throw flawed(source, start, 'expected an offset and one bitmap that fill their section');
    }
    if (end - body > maxRevocationBitmapBytes) {
      const detail = `a bitmap of ${end - body} bytes, at most ${maxRevocationBitmapBytes} are taken`;
      throw flawed(source, start, detail, { code: 'limit-exceeded' });
    }
    // The bitmap is an mpint (RFC 4251 §5); OpenSSH takes needless zeros in front of it, and refuses negative ones.
    if (end > body && (bytes[body] as number) >= 0x80)
      throw flawed(source, start, 'a bitmap that is a negative number');
    const top = topByte(bytes, body, end);
    if (top === end) return undefined;
    const first = halvesAt(view, start);
    if (first.high === 0 && first.low === 0 && ((bytes[end - 1] as number) & 1) === 1) throw serialZero(source, start);
    const last = bytes.readBigUInt64BE(start) + BigInt(bitCount(bytes, top, end) - 1);
    if (last > greatestSerial) throw flawed(source, start, 'a bitmap that goes past the greatest serial');
    return { first, last: { high: Number(last >> 32n), low: Number(last & 0xffff_ffffn) }, isSorted: true };
  },
  has({ bytes, view }, start, end, high, low) {
    const index = (high - view.getUint32(start)) * twoTo32 + low - view.getUint32(start + 4);
    const at = end - 1 - Math.floor(index / 8);
    return at >= start + serialBytes + 4 && (((bytes[at] as number) >> (index % 8)) & 1) === 1;
  },
  *ranges({ bytes }, start, end) {
    const offset = bytes.readBigUInt64BE(start);
    const body = start + serialBytes + 4;
    const count = (end - body) * 8;
    const isSet = (index: number) => (((bytes[end - 1 - (index >> 3)] as number) >> (index & 7)) & 1) === 1;
    for (let index = 0; index < count; ) {
      // Whole bytes of nothing are passed over.
      if ((index & 7) === 0 && bytes[end - 1 - (index >> 3)] === 0) index += 8;
      else if (!isSet(index)) index++;
      else {
        const first = index;
        while (index < count && isSet(index)) index++;
        yield [offset + BigInt(first), offset + BigInt(index - 1)];
      }
    }
  },
};

/** Where the first byte that is not zero stands; `end` if there is none. */
function topByte(bytes: Buffer, body: number, end: number): number {
  let at = body;
  while (at < end && bytes[at] === 0) at++;
  return at;
}

function bitCount(bytes: Buffer, top: number, end: number): number {
  return (end - top) * 8 - (Math.clz32(bytes[top] as number) - 24);
}
