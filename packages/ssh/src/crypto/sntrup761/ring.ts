/** Arithmetic of sntrup761: the fields Z/4591 and Z/3, and polynomials over them modulo x^761 - x - 1. */

// Streamlined NTRU Prime asks that time and memory access not depend on secrets. This code has no branch, no index and
// no division that depends on one. What JavaScript cannot promise: that the compiler keeps it so, that small integers
// and doubles are multiplied in equal time, and that the collector leaves no copies behind. Keys are therefore used once
// and never stored, which is how SSH uses them.

/** Degree of the ring. */
export const ringDegree = 761;
/** The large modulus. */
export const modulus = 4591;
/** Largest absolute value of a reduced coefficient modulo 4591. */
export const halfModulus = (modulus - 1) / 2;
/** Non-zero coefficients of a short polynomial. */
export const shortWeight = 286;

/** Any |value| below 14 million, reduced modulo 4591 to -2295 … 2295 (two Barrett steps: a coarse and a rounded one). */
export function reduceModulo4591(value: number): number {
  const coarse = (value - modulus * ((57 * value) >> 18)) | 0;
  return (coarse - modulus * ((29235 * coarse + 67108864) >> 27)) | 0;
}

/** Any |value| up to 16383, reduced modulo 3 to -1, 0 or 1. */
export function reduceModulo3(value: number): number {
  return (value - 3 * ((10923 * value + 16384) >> 15)) | 0;
}

/** The inverse modulo 4591 of a non-zero value, as value^4589 (Fermat); the exponent is public. */
export function invertModulo4591(value: number): number {
  let result = 1;
  for (let bit = 12; bit >= 0; bit--) {
    result = reduceModulo4591(result * result);
    if (((modulus - 2) >> bit) & 1) result = reduceModulo4591(result * value);
  }
  return result;
}

/** `wide` (coefficients up to 2295) times `small` (-1, 0, 1), coefficients modulo 4591. */
export function multiplyModulo4591(wide: Int16Array, small: Int8Array): Int16Array {
  const product = multiplyBySmall(wide, small);
  const result = new Int16Array(ringDegree);
  for (let i = 0; i < ringDegree; i++) result[i] = reduceModulo4591(product[i]!);
  return result;
}

/** The product of two polynomials with coefficients -1, 0, 1, modulo 3. */
export function multiplyModulo3(left: Int8Array, right: Int8Array): Int8Array {
  const product = multiplyBySmall(left, right);
  const result = new Int8Array(ringDegree);
  for (let i = 0; i < ringDegree; i++) result[i] = reduceModulo3(product[i]!);
  return result;
}

/** -1 where `value` (below 2^31 in size) is not zero, else 0. */
export function nonZeroMask(value: number): number {
  return (value | -value) >> 31;
}

/** Schoolbook product modulo x^761 - x - 1, not yet reduced modulo anything: at most 3 * 761 * 2295 in size. */
function multiplyBySmall(wide: Int16Array | Int8Array, small: Int8Array): Int32Array {
  // Four rows at once, so that each sum is loaded and stored a quarter as often; three zeros behind either factor spare
  // the edges a branch.
  const padded = new Int32Array(ringDegree + 3);
  padded.set(wide);
  const rows = new Int32Array(ringDegree + 3);
  rows.set(small);
  const sums = new Int32Array(2 * ringDegree + 6);
  for (let i = 0; i < ringDegree; i += 4) addFourRows(sums, padded, rows, i);
  // x^761 = x + 1.
  for (let i = 2 * ringDegree - 2; i >= ringDegree; i--) {
    const high = sums[i]!;
    sums[i - ringDegree] = sums[i - ringDegree]! + high;
    sums[i - ringDegree + 1] = sums[i - ringDegree + 1]! + high;
  }
  return sums;
}

/** A function of its own, since the compiler takes up one that is called again sooner than a loop that still runs. */
function addFourRows(sums: Int32Array, padded: Int32Array, rows: Int32Array, first: number): void {
  const row0 = rows[first]!;
  const row1 = rows[first + 1]!;
  const row2 = rows[first + 2]!;
  const row3 = rows[first + 3]!;
  let wide1 = 0;
  let wide2 = 0;
  let wide3 = 0;
  for (let j = 0; j < ringDegree + 3; j++) {
    const wide0 = padded[j]!;
    sums[first + j] = sums[first + j]! + row0 * wide0 + row1 * wide1 + row2 * wide2 + row3 * wide3;
    wide3 = wide2;
    wide2 = wide1;
    wide1 = wide0;
  }
}
