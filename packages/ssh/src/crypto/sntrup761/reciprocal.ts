/** Inverses in the two rings of sntrup761, by Bernstein and Yang's constant-time division steps. */
import { invertModulo4591, modulus, nonZeroMask, reduceModulo4591, ringDegree } from './ring.ts';

const stepCount = 2 * ringDegree - 1;

/**
 * 1 / (3 * small) modulo 4591. The ring is a field there (x^761 - x - 1 is irreducible), so every non-zero
 * polynomial has one.
 */
export function invertTimes3(small: Int8Array): Int16Array {
  const f = new Int32Array(ringDegree + 1);
  const g = new Int32Array(ringDegree + 1);
  const v = new Int32Array(ringDegree + 1);
  const r = new Int32Array(ringDegree + 1);
  f[0] = 1;
  f[ringDegree - 1] = -1;
  f[ringDegree] = -1;
  for (let i = 0; i < ringDegree; i++) g[ringDegree - 1 - i] = small[i]!;
  r[0] = invertModulo4591(3);
  let delta = 1;
  for (let step = 0; step < stepCount; step++) {
    const f0: number = f[0]!;
    const g0: number = g[0]!;
    const swap = (-delta >> 31) & nonZeroMask(g0);
    delta = (delta ^ (swap & (delta ^ -delta))) + 1;
    // f0*g - g0*f changes its sign when f and g are swapped; so the sign goes into the factors, and only f and v are selected.
    const timesG = (f0 ^ swap) - swap;
    const timesF = (g0 ^ swap) - swap;
    // Only the step number decides how far the loops run: coefficients of f and g past the remaining steps are never
    // looked at again, those of v and r past the steps done are still zero.
    const lastUsed = Math.min(ringDegree, stepCount - step);
    f[0] = f0 ^ (swap & (f0 ^ g0));
    eliminateDown(f, g, swap, timesF, timesG, lastUsed);
    if (lastUsed === ringDegree) g[ringDegree] = 0;
    eliminateUp(v, r, swap, timesF, timesG, Math.min(ringDegree, step));
  }
  const scale = invertModulo4591(f[0]!);
  const result = new Int16Array(ringDegree);
  for (let i = 0; i < ringDegree; i++) result[i] = reduceModulo4591(scale * v[ringDegree - 1 - i]!);
  return result;
}

// Functions of their own: key generation spends its time here, mostly once in a process, and the compiler takes up a function that is
// called again sooner than a loop that still runs. The reduction is reduceModulo4591, written out, which it does not always inline.

/** f and g selected under the mask, then g = (timesG * g - timesF * f) / x. */
function eliminateDown(
  f: Int32Array,
  g: Int32Array,
  swap: number,
  timesF: number,
  timesG: number,
  lastUsed: number,
): void {
  for (let i = 1; i <= lastUsed; i++) {
    const fi = f[i]!;
    const gi = g[i]!;
    f[i] = fi ^ (swap & (fi ^ gi));
    const value = (timesG * gi - timesF * fi) | 0;
    const coarse = (value - modulus * ((57 * value) >> 18)) | 0;
    g[i - 1] = (coarse - modulus * ((29235 * coarse + 67108864) >> 27)) | 0;
  }
}

/** The same for v and r, where v is multiplied by x first. */
function eliminateUp(
  v: Int32Array,
  r: Int32Array,
  swap: number,
  timesF: number,
  timesG: number,
  lastSet: number,
): void {
  let vBelow = 0;
  for (let i = 0; i <= lastSet; i++) {
    const vi = vBelow;
    const ri = r[i]!;
    vBelow = v[i]!;
    v[i] = vi ^ (swap & (vi ^ ri));
    const value = (timesG * ri - timesF * vi) | 0;
    const coarse = (value - modulus * ((57 * value) >> 18)) | 0;
    r[i] = (coarse - modulus * ((29235 * coarse + 67108864) >> 27)) | 0;
  }
}

/** Words of 32 coefficients: 762 fit. */
const wordCount = 24;

/** A polynomial modulo 3 as two bit planes: where it is 1, and where it is -1. */
interface Planes {
  readonly plus: Int32Array;
  readonly minus: Int32Array;
}

/** 1 / small modulo 3, or undefined where there is none (then key generation draws another polynomial). */
export function invertModulo3(small: Int8Array): Int8Array | undefined {
  const f = createPlanes();
  const g = createPlanes();
  const v = createPlanes();
  const r = createPlanes();
  setCoefficient(f, 0, 1);
  setCoefficient(f, ringDegree - 1, -1);
  setCoefficient(f, ringDegree, -1);
  for (let i = 0; i < ringDegree; i++) setCoefficient(g, ringDegree - 1 - i, small[i]!);
  setCoefficient(r, 0, 1);
  let delta = 1;
  for (let step = 0; step < stepCount; step++) {
    shiftUp(v.plus);
    shiftUp(v.minus);
    const fPlus = -(f.plus[0]! & 1);
    const fMinus = -(f.minus[0]! & 1);
    const gPlus = -(g.plus[0]! & 1);
    const gMinus = -(g.minus[0]! & 1);
    const swap = (-delta >> 31) & (gPlus | gMinus);
    delta = (delta ^ (swap & (delta ^ -delta))) + 1;
    // The factor -f0*g0 that clears the lowest coefficient, as masks.
    const subtract = (fPlus & gPlus) | (fMinus & gMinus);
    const add = (fPlus & gMinus) | (fMinus & gPlus);
    swapAndEliminate(f, g, swap, add, subtract);
    swapAndEliminate(v, r, swap, add, subtract);
    shiftDown(g.plus);
    shiftDown(g.minus);
  }
  const sign = coefficient(f, 0);
  const result = new Int8Array(ringDegree);
  for (let i = 0; i < ringDegree; i++) result[i] = sign * coefficient(v, ringDegree - 1 - i);
  // Whether an inverse exists tells nothing of the polynomial that is kept in the end.
  return delta === 0 ? result : undefined;
}

/** Swaps the two under a mask, then other += factor * base, where the factor is 1 (`add`), -1 (`subtract`) or 0. */
function swapAndEliminate(base: Planes, other: Planes, swap: number, add: number, subtract: number): void {
  const basePlus = base.plus;
  const baseMinus = base.minus;
  const otherPlus = other.plus;
  const otherMinus = other.minus;
  for (let word = 0; word < wordCount; word++) {
    const plusDifference = swap & (basePlus[word]! ^ otherPlus[word]!);
    const minusDifference = swap & (baseMinus[word]! ^ otherMinus[word]!);
    const plus = basePlus[word]! ^ plusDifference;
    const minus = baseMinus[word]! ^ minusDifference;
    basePlus[word] = plus;
    baseMinus[word] = minus;
    const leftPlus = otherPlus[word]! ^ plusDifference;
    const leftMinus = otherMinus[word]! ^ minusDifference;
    const rightPlus = (plus & add) | (minus & subtract);
    const rightMinus = (minus & add) | (plus & subtract);
    const leftZero = ~(leftPlus | leftMinus);
    const rightZero = ~(rightPlus | rightMinus);
    otherPlus[word] = (leftPlus & rightZero) | (rightPlus & leftZero) | (leftMinus & rightMinus);
    otherMinus[word] = (leftMinus & rightZero) | (rightMinus & leftZero) | (leftPlus & rightPlus);
  }
}

function shiftUp(plane: Int32Array): void {
  for (let word = wordCount - 1; word > 0; word--) plane[word] = (plane[word]! << 1) | (plane[word - 1]! >>> 31);
  plane[0] = plane[0]! << 1;
}

function shiftDown(plane: Int32Array): void {
  for (let word = 0; word < wordCount - 1; word++) plane[word] = (plane[word]! >>> 1) | (plane[word + 1]! << 31);
  plane[wordCount - 1] = plane[wordCount - 1]! >>> 1;
}

function createPlanes(): Planes {
  return { plus: new Int32Array(wordCount), minus: new Int32Array(wordCount) };
}

function setCoefficient(planes: Planes, index: number, value: number): void {
  const word = index >> 5;
  planes.plus[word] = planes.plus[word]! | ((value & 1 & ~(value >> 1)) << (index & 31));
  planes.minus[word] = planes.minus[word]! | (((value >> 1) & 1) << (index & 31));
}

function coefficient(planes: Planes, index: number): number {
  return ((planes.plus[index >> 5]! >>> (index & 31)) & 1) - ((planes.minus[index >> 5]! >>> (index & 31)) & 1);
}
