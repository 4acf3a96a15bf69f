/** Random polynomials of sntrup761, and the sorting network that shuffles them. */
import { ringDegree, shortWeight } from './ring.ts';

/** A source of random bytes; tests pass a fixed one. */
export type RandomBytes = (byteCount: number) => Uint8Array;

/** Coefficients -1, 0, 1, each drawn on its own. */
export function drawSmall(randomBytes: RandomBytes): Int8Array {
  const words = drawWords(randomBytes);
  const polynomial = new Int8Array(ringDegree);
  // Thirds of 2^30; the product stays below 2^32.
  for (let i = 0; i < ringDegree; i++) polynomial[i] = (((words[i]! & 0x3fffffff) * 3) >>> 30) - 1;
  words.fill(0);
  return polynomial;
}

/** 286 coefficients of 1 or -1 at random places, the others 0: random numbers carry them in their two lowest bits, and are sorted. */
export function drawShort(randomBytes: RandomBytes): Int8Array {
  const words = drawWords(randomBytes);
  for (let i = 0; i < shortWeight; i++) words[i] = words[i]! & -2;
  for (let i = shortWeight; i < ringDegree; i++) words[i] = (words[i]! & -3) | 1;
  // The order is that of unsigned numbers; turning the top bit makes the signed comparison give it.
  for (let i = 0; i < ringDegree; i++) words[i] = words[i]! ^ 0x80000000;
  sortWords(words);
  const polynomial = new Int8Array(ringDegree);
  for (let i = 0; i < ringDegree; i++) polynomial[i] = (words[i]! & 3) - 1;
  words.fill(0);
  return polynomial;
}

/** Batcher's merge exchange (Knuth 5.2.2 M): which places are compared depends on the length alone. */
export function sortWords(words: Int32Array): void {
  const count = words.length;
  if (count < 2) return;
  let top = 1;
  while (top < count - top) top += top;
  for (let distance = top; distance > 0; distance >>= 1) {
    for (let i = 0; i < count - distance; i++) {
      if ((i & distance) === 0) order(words, i, i + distance);
    }
    for (let far = top; far > distance; far >>= 1) {
      for (let i = 0; i < count - far; i++) {
        if ((i & distance) === 0) order(words, i + distance, i + far);
      }
    }
  }
}

/** Puts the smaller of two words first, without a branch. */
function order(words: Int32Array, low: number, high: number): void {
  const a = words[low]!;
  const b = words[high]!;
  const difference = (b - a) | 0;
  // The sign of b - a, put right where the subtraction overflowed.
  const less = (difference ^ ((a ^ b) & (difference ^ b))) >> 31;
  const exchange = less & (a ^ b);
  words[low] = a ^ exchange;
  words[high] = b ^ exchange;
}

function drawWords(randomBytes: RandomBytes): Int32Array {
  const bytes = randomBytes(4 * ringDegree);
  const words = new Int32Array(ringDegree);
  for (let i = 0; i < ringDegree; i++) {
    words[i] = bytes[4 * i]! | (bytes[4 * i + 1]! << 8) | (bytes[4 * i + 2]! << 16) | (bytes[4 * i + 3]! << 24);
  }
  return words;
}
