import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillPadding, randomBytes } from './random.ts';

test('randomBytes: as many as asked for, and different each time', () => {
  assert.equal(randomBytes(0).length, 0);
  assert.equal(randomBytes(33).length, 33);
  assert.notDeepEqual(randomBytes(32), randomBytes(32));
});

test('fillPadding: fills its range and nothing else, over every length and across refills', () => {
  for (let length = 0; length < 300; length++) {
    const buffer = Buffer.alloc(length + 8, 0xaa);
    fillPadding(buffer, 4, 4 + length);
    assert.deepEqual(buffer.subarray(0, 4), Buffer.alloc(4, 0xaa));
    assert.deepEqual(buffer.subarray(4 + length), Buffer.alloc(4, 0xaa));
  }
});

test('fillPadding: more than the pool holds at once, every byte used once', () => {
  const windowBytes = 8;
  const bytes = Buffer.alloc(40_000);
  // Uneven steps, so that a pool used twice would repeat itself somewhere other than at a step's start.
  for (let at = 0; at < bytes.length; at += 13) fillPadding(bytes, at, Math.min(at + 13, bytes.length));
  const seen = new Set<string>();
  for (let at = 0; at + windowBytes <= bytes.length; at++) seen.add(bytes.toString('latin1', at, at + windowBytes));
  assert.equal(seen.size, bytes.length - windowBytes + 1);
  const large = Buffer.alloc(20_000);
  fillPadding(large, 0, large.length);
  for (let at = 0; at < large.length; at += 50) assert.notDeepEqual(large.subarray(at, at + 50), Buffer.alloc(50));
});

test('fillPadding: all byte values come up about equally', () => {
  const bytes = Buffer.alloc(256 * 400);
  fillPadding(bytes, 0, bytes.length);
  const counts = Array.from({ length: 256 }, () => 0);
  for (const byte of bytes) counts[byte] = (counts[byte] as number) + 1;
  // Ten standard deviations (20 each) about the mean of 400: a fair source never leaves it.
  for (const count of counts) assert.ok(count > 200 && count < 600, String(count));
});
