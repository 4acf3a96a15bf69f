import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import test from 'node:test';
import {
  decodeRounded,
  decodeSmall,
  decodeWide,
  encodeRounded,
  encodeSmall,
  encodeWide,
  roundedBytes,
  smallBytes,
  wideBytes,
} from './encoding.ts';
import { halfModulus, modulus, ringDegree, shortWeight } from './ring.ts';
import { drawShort, drawSmall, sortWords } from './sampling.ts';

test('polynomials come back from their bytes, the extreme ones too', () => {
  const wides = [
    new Int16Array(ringDegree).fill(halfModulus),
    new Int16Array(ringDegree).fill(-halfModulus),
    ...Array.from({ length: 20 }, () =>
      Int16Array.from({ length: ringDegree }, () => randomInt(modulus) - halfModulus),
    ),
  ];
  for (const wide of wides) {
    const bytes = encodeWide(wide);
    assert.equal(bytes.length, wideBytes);
    assert.deepEqual(decodeWide(bytes), wide);
    const rounded = wide.map((value) => Math.round(value / 3) * 3);
    const roundedForm = encodeRounded(rounded);
    assert.equal(roundedForm.length, roundedBytes);
    assert.deepEqual(decodeRounded(roundedForm), rounded);
  }
  const small = drawSmall(randomBytes);
  assert.equal(encodeSmall(small).length, smallBytes);
  assert.deepEqual(decodeSmall(encodeSmall(small)), small);
});

test('any bytes decode to coefficients in range', () => {
  for (const fill of [0x00, 0xff, 0x80]) {
    const wide = decodeWide(Buffer.alloc(wideBytes, fill));
    const rounded = decodeRounded(Buffer.alloc(roundedBytes, fill));
    assert.ok(wide.every((value) => Math.abs(value) <= halfModulus));
    assert.ok(rounded.every((value) => Math.abs(value) <= halfModulus && value % 3 === 0));
  }
  for (let run = 0; run < 20; run++) {
    assert.ok(decodeWide(randomBytes(wideBytes)).every((value) => Math.abs(value) <= halfModulus));
    assert.ok(decodeRounded(randomBytes(roundedBytes)).every((value) => Math.abs(value) <= halfModulus));
  }
});

test('the sorting network sorts signed words, equal and extreme ones too', () => {
  for (const count of [0, 1, 2, 3, 5, 64, 100, 761]) {
    const words = Int32Array.from({ length: count }, () => randomBytes(4).readInt32LE());
    if (count >= 5) words.set([2 ** 31 - 1, -(2 ** 31), 0, 0, -1]);
    const expected = Int32Array.from(words).sort();
    sortWords(words);
    assert.deepEqual(words, expected);
  }
});

test('short polynomials have their weight and no favourite places', () => {
  const seen = new Int32Array(ringDegree);
  for (let run = 0; run < 200; run++) {
    const short = drawShort(randomBytes);
    assert.equal(
      short.reduce((sum, value) => sum + Math.abs(value), 0),
      shortWeight,
    );
    assert.ok(short.every((value) => value >= -1 && value <= 1));
    short.forEach((value, i) => {
      seen[i] = seen[i]! + Math.abs(value);
    });
  }
  // 75 of 200 expected, standard deviation 7.
  assert.ok(seen.every((count) => count > 30 && count < 125));
});
