import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import test from 'node:test';
import { invertModulo3, invertTimes3 } from './reciprocal.ts';
import {
  halfModulus,
  invertModulo4591,
  modulus,
  multiplyModulo3,
  multiplyModulo4591,
  nonZeroMask,
  reduceModulo3,
  reduceModulo4591,
  ringDegree,
} from './ring.ts';

/** The remainder of least absolute value, the plain way. */
function centred(value: number, base: number): number {
  const half = (base - 1) / 2;
  return ((((value + half) % base) + base) % base) - half;
}

function smallPolynomial(): Int8Array {
  return Int8Array.from({ length: ringDegree }, () => randomInt(3) - 1);
}

/** The product by the definition: every term on its own, x^761 replaced by x + 1. */
function plainProduct(left: ArrayLike<number>, right: ArrayLike<number>, base: number): number[] {
  const sums = Array.from({ length: 2 * ringDegree }, () => 0);
  for (let i = 0; i < ringDegree; i++) {
    for (let j = 0; j < ringDegree; j++) sums[i + j] = sums[i + j]! + left[i]! * right[j]!;
  }
  for (let i = 2 * ringDegree - 2; i >= ringDegree; i--) {
    sums[i - ringDegree] = sums[i - ringDegree]! + sums[i]!;
    sums[i - ringDegree + 1] = sums[i - ringDegree + 1]! + sums[i]!;
  }
  return sums.slice(0, ringDegree).map((sum) => centred(sum, base));
}

const one = Array.from({ length: ringDegree }, (_, i) => (i === 0 ? 1 : 0));

test('reduction modulo 4591 is right over its whole range', () => {
  let wrong = 0;
  for (let value = -14_000_000; value <= 14_000_000; value += 7) {
    if (reduceModulo4591(value) !== centred(value, modulus)) wrong++;
  }
  for (let value = -40_000; value <= 40_000; value++) {
    if (reduceModulo4591(value) !== centred(value, modulus)) wrong++;
  }
  assert.equal(wrong, 0);
});

test('reduction modulo 3 is right over its whole range', () => {
  for (let value = -16383; value < 16384; value++) {
    if (reduceModulo3(value) !== centred(value, 3)) assert.fail(`wrong for ${value}`);
  }
});

test('every non-zero number has its inverse modulo 4591', () => {
  for (let value = 1; value <= halfModulus; value++) {
    assert.equal(centred(invertModulo4591(value) * value, modulus), 1);
    assert.equal(centred(invertModulo4591(-value) * -value, modulus), 1);
  }
});

test('the mask tells zero from everything else', () => {
  assert.equal(nonZeroMask(0) | 0, 0);
  for (const value of [1, -1, 255, -4590, 2 ** 30, -(2 ** 30)]) assert.equal(nonZeroMask(value), -1);
});

test('products agree with the definition, extreme coefficients included', () => {
  const extreme = new Int16Array(ringDegree).fill(halfModulus);
  const ones = new Int8Array(ringDegree).fill(1);
  assert.deepEqual([...multiplyModulo4591(extreme, ones)], plainProduct(extreme, ones, modulus));
  extreme.fill(-halfModulus);
  assert.deepEqual([...multiplyModulo4591(extreme, ones)], plainProduct(extreme, ones, modulus));
  const wide = Int16Array.from({ length: ringDegree }, () => randomInt(modulus) - halfModulus);
  const small = smallPolynomial();
  assert.deepEqual([...multiplyModulo4591(wide, small)], plainProduct(wide, small, modulus));
  const other = smallPolynomial();
  assert.deepEqual([...multiplyModulo3(other, small)], plainProduct(other, small, 3));
  assert.deepEqual([...multiplyModulo3(ones, ones)], plainProduct(ones, ones, 3));
});

test('1 / 3f times 3f is one', () => {
  for (let run = 0; run < 3; run++) {
    const small = smallPolynomial();
    const inverse = invertTimes3(small);
    const back = plainProduct(
      inverse,
      small.map((value) => 3 * value),
      modulus,
    );
    assert.deepEqual(back, one);
  }
});

test('an inverse modulo 3 is one, and where there is none that is said', () => {
  let found = 0;
  for (let run = 0; run < 20; run++) {
    const small = smallPolynomial();
    const inverse = invertModulo3(small);
    if (inverse === undefined) continue;
    found++;
    assert.deepEqual([...multiplyModulo3(inverse, small)], one);
  }
  assert.ok(found > 10);
  assert.equal(invertModulo3(new Int8Array(ringDegree)), undefined);
  // A factor of x^761 - x - 1 modulo 3 found by its definition: gcd steps leave a polynomial that divides zero.
  const divisor = zeroDivisor();
  assert.equal(invertModulo3(divisor), undefined);
});

/**
 * A polynomial that shares a factor with x^761 - x - 1 modulo 3: x^(3^k) - x is a multiple of every irreducible factor
 * whose degree divides k, so the first k whose greatest common divisor is not 1 gives one.
 */
function zeroDivisor(): Int8Array {
  let power = new Int8Array(ringDegree);
  power[1] = 1;
  for (let degree = 1; degree <= 40; degree++) {
    power = multiplyModulo3(multiplyModulo3(power, power), power) as Int8Array<ArrayBuffer>;
    const difference = Int8Array.from(power);
    difference[1] = centred(difference[1]! - 1, 3);
    if (difference.some((value) => value !== 0) && invertModulo3(difference) === undefined) return difference;
  }
  return assert.fail('no small factor found');
}
