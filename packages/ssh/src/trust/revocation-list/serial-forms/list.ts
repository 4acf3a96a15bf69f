/** Serials one by one. */
import { certificateSectionTypes, flawed } from '../format.ts';
import { halvesAt, type SerialForm, serialBytes, serialZero } from './types.ts';

export const serialList: SerialForm = {
  type: certificateSectionTypes.serialList,
  check(source, start, end) {
    const { view } = source;
    if ((end - start) % serialBytes !== 0) {
      throw flawed(source, start, `a list of serials of ${end - start} bytes, each takes ${serialBytes}`);
    }
    if (start === end) return undefined;
    const first = halvesAt(view, start);
    let { high, low } = first;
    let isSorted = true;
    if (high === 0 && low === 0) throw serialZero(source, start);
    for (let at = start + serialBytes; at < end; at += serialBytes) {
      const nextHigh = view.getUint32(at);
      const nextLow = view.getUint32(at + 4);
      if (nextHigh < high || (nextHigh === high && nextLow < low)) {
        if (nextHigh === 0 && nextLow === 0) throw serialZero(source, at);
        isSorted = false;
      }
      high = nextHigh;
      low = nextLow;
    }
    return { first, last: { high, low }, isSorted };
  },
  has({ view }, start, end, high, low) {
    let [from, to] = [0, (end - start) / serialBytes];
    while (from < to) {
      const middle = (from + to) >>> 1;
      const at = start + middle * serialBytes;
      const midHigh = view.getUint32(at);
      const midLow = view.getUint32(at + 4);
      if (midHigh === high && midLow === low) return true;
      if (midHigh < high || (midHigh === high && midLow < low)) from = middle + 1;
      else to = middle;
    }
    return false;
  },
  *ranges({ bytes }, start, end) {
    for (let at = start; at < end; at += serialBytes) {
      const serial = bytes.readBigUInt64BE(at);
      yield [serial, serial];
    }
  },
};
