/** Byte forms of sntrup761's polynomials: lists of numbers packed in mixed radix, and small coefficients four to a byte. */
import { halfModulus, modulus, ringDegree } from './ring.ts';

/** A polynomial modulo 4591. */
export const wideBytes = 1158;
/** One whose coefficients are multiples of 3. */
export const roundedBytes = 1007;
/** One with coefficients -1, 0, 1. */
export const smallBytes = 191;

const roundedRadix = (modulus + 2) / 3;
/** Radices are packed until they reach this; above it, whole bytes are put out. */
const radixLimit = 16384;

export function encodeWide(polynomial: Int16Array): Uint8Array {
  const digits = new Int32Array(ringDegree);
  for (let i = 0; i < ringDegree; i++) digits[i] = polynomial[i]! + halfModulus;
  return encodeRadix(digits, modulus, wideBytes);
}

/** Any bytes give a polynomial; the digits of a form that no encoder writes are taken modulo the radix. */
export function decodeWide(bytes: Uint8Array): Int16Array {
  const digits = decodeRadix(bytes, modulus);
  const polynomial = new Int16Array(ringDegree);
  for (let i = 0; i < ringDegree; i++) polynomial[i] = digits[i]! - halfModulus;
  return polynomial;
}

/** Coefficients must be multiples of 3 (as rounding leaves them). */
export function encodeRounded(polynomial: Int16Array): Uint8Array {
  const digits = new Int32Array(ringDegree);
  // Division by 3 as a multiplication: exact for 0 … 4590.
  for (let i = 0; i < ringDegree; i++) digits[i] = ((polynomial[i]! + halfModulus) * 10923) >> 15;
  return encodeRadix(digits, roundedRadix, roundedBytes);
}

export function decodeRounded(bytes: Uint8Array): Int16Array {
  const digits = decodeRadix(bytes, roundedRadix);
  const polynomial = new Int16Array(ringDegree);
  for (let i = 0; i < ringDegree; i++) polynomial[i] = digits[i]! * 3 - halfModulus;
  return polynomial;
}

export function encodeSmall(polynomial: Int8Array): Uint8Array {
  const bytes = new Uint8Array(smallBytes);
  for (let i = 0; i < ringDegree; i++) bytes[i >> 2] = bytes[i >> 2]! | ((polynomial[i]! + 1) << (2 * (i & 3)));
  return bytes;
}

export function decodeSmall(bytes: Uint8Array): Int8Array {
  const polynomial = new Int8Array(ringDegree);
  for (let i = 0; i < ringDegree; i++) polynomial[i] = ((bytes[i >> 2]! >> (2 * (i & 3))) & 3) - 1;
  return polynomial;
}

/** Two neighbouring digits become one of the product radix, over and over, until one is left. Radices are public. */
function encodeRadix(digits: Int32Array, radix: number, byteCount: number): Uint8Array {
  const bytes = new Uint8Array(byteCount);
  const radices = new Int32Array(ringDegree).fill(radix);
  let at = 0;
  let count = ringDegree;
  while (count > 1) {
    for (let i = 0; i < count - 1; i += 2) {
      let value = digits[i]! + digits[i + 1]! * radices[i]!;
      let product = radices[i]! * radices[i + 1]!;
      while (product >= radixLimit) {
        bytes[at++] = value;
        value >>>= 8;
        product = (product + 255) >>> 8;
      }
      digits[i >> 1] = value;
      radices[i >> 1] = product;
    }
    if (count & 1) {
      digits[count >> 1] = digits[count - 1]!;
      radices[count >> 1] = radices[count - 1]!;
    }
    count = (count + 1) >> 1;
  }
  let value = digits[0]!;
  for (let left = radices[0]!; left > 1; left = (left + 255) >>> 8) {
    bytes[at++] = value;
    value >>>= 8;
  }
  return bytes;
}

/** The inverse of `encodeRadix`. It divides, but only public keys and ciphertexts pass through it. */
function decodeRadix(bytes: Uint8Array, radix: number): Int32Array {
  // Downwards: the bytes that each pair put out, and the radix left of it. Upwards: the pairs split again.
  const levels: { radices: Int32Array; low: Int32Array; lowRadix: Int32Array }[] = [];
  let radices: Int32Array = new Int32Array(ringDegree).fill(radix);
  let at = 0;
  while (radices.length > 1) {
    const pairs = radices.length >> 1;
    const next = new Int32Array((radices.length + 1) >> 1);
    const low = new Int32Array(pairs);
    const lowRadix = new Int32Array(pairs);
    for (let pair = 0; pair < pairs; pair++) {
      let product = radices[2 * pair]! * radices[2 * pair + 1]!;
      let scale = 1;
      let value = 0;
      while (product >= radixLimit) {
        value += scale * bytes[at++]!;
        scale *= 256;
        product = (product + 255) >>> 8;
      }
      low[pair] = value;
      lowRadix[pair] = scale;
      next[pair] = product;
    }
    if (radices.length & 1) next[pairs] = radices[radices.length - 1]!;
    levels.push({ radices, low, lowRadix });
    radices = next;
  }
  let last = 0;
  let scale = 1;
  for (let left = radices[0]!; left > 1; left = (left + 255) >>> 8) {
    last += scale * bytes[at++]!;
    scale *= 256;
  }
  let digits: Int32Array = Int32Array.of(last % radices[0]!);
  for (const level of levels.reverse()) {
    const split = new Int32Array(level.radices.length);
    for (let pair = 0; pair < level.low.length; pair++) {
      const value = level.low[pair]! + level.lowRadix[pair]! * digits[pair]!;
      const first = level.radices[2 * pair]!;
      split[2 * pair] = value % first;
      split[2 * pair + 1] = Math.floor(value / first) % level.radices[2 * pair + 1]!;
    }
    if (level.radices.length & 1) split[level.radices.length - 1] = digits[digits.length - 1]!;
    digits = split;
  }
  return digits;
}
