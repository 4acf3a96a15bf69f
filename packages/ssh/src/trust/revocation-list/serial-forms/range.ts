/** All serials from one to another, both included. */
import { certificateSectionTypes, flawed } from '../format.ts';
import { halvesAt, isBelow, type SerialForm, serialBytes, serialZero } from './types.ts';

export const serialRange: SerialForm = {
  type: certificateSectionTypes.serialRange,
  check(source, start, end) {
    const { view } = source;
    if (end - start !== 2 * serialBytes) {
      throw flawed(source, start, `a range of serials of ${end - start} bytes, expected ${2 * serialBytes}`);
    }
    const first = halvesAt(view, start);
    const last = halvesAt(view, start + serialBytes);
    if (first.high === 0 && first.low === 0) throw serialZero(source, start);
    if (isBelow(last, first)) throw flawed(source, start, 'a range of serials that ends before it begins');
    return { first, last, isSorted: true };
  },
  has({ view }, start, _end, high, low) {
    return !isBelow(halvesAt(view, start + serialBytes), { high, low });
  },
  *ranges({ bytes }, start) {
    yield [bytes.readBigUInt64BE(start), bytes.readBigUInt64BE(start + serialBytes)];
  },
};
