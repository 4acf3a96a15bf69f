/** Memory of replies that is used again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplyBuffers } from './reply-buffers.ts';

test('what was written is taken again, whole, whatever part of it went out', () => {
  const buffers = new ReplyBuffers();
  const first = buffers.take(100_000);
  const second = buffers.take(100_000);
  assert.ok(first.buffer !== second.buffer);
  buffers.give(first.subarray(0, 50_000));
  const again = buffers.take(100_000);
  assert.ok(again.buffer === first.buffer);
  assert.equal(again.length, 100_000);
  assert.ok(buffers.take(100_000).buffer !== first.buffer);
});

test('a rest of any size finds memory that a whole one left', () => {
  const buffers = new ReplyBuffers();
  const whole = buffers.take(261_133);
  buffers.give(whole);
  const rest = buffers.take(250_001);
  assert.ok(rest.buffer === whole.buffer);
  assert.equal(rest.length, 250_001);
});

test('small replies share Node’s memory and are never given again; nor is what came from elsewhere', () => {
  const buffers = new ReplyBuffers();
  const small = buffers.take(100);
  buffers.give(small);
  assert.ok(buffers.take(small.buffer.byteLength).buffer !== small.buffer);
  const other = Buffer.allocUnsafeSlow(100_000);
  buffers.give(other);
  assert.ok(buffers.take(100_000).buffer !== other.buffer);
});

test('a bounded number is kept, of a bounded number of sizes', () => {
  const buffers = new ReplyBuffers();
  for (let size = 20_000; size < 20_100; size++) buffers.give(buffers.take(size));
  const many = Array.from({ length: 30 }, () => buffers.take(50_000));
  for (const one of many) buffers.give(one);
  const memory = new Set<unknown>(many.map((one) => one.buffer));
  let kept = 0;
  while (memory.has(buffers.take(50_000).buffer)) kept++;
  assert.equal(kept, 8);
});
