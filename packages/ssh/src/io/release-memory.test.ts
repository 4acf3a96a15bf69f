import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isForcedOff } from '../fast-paths.ts';
import { releaseMemory } from './release-memory.ts';

const canFree = 'transfer' in ArrayBuffer.prototype;

test('a chunk that fills its memory is freed, one with a head before it too', {
  skip: (!canFree && 'Node 20 cannot free') || (isForcedOff('NACRE_RELEASE') && 'forced off'),
}, () => {
  const whole = Buffer.allocUnsafeSlow(32 * 1024);
  const withHead = Buffer.allocUnsafeSlow(32 * 1024 + 16).subarray(10, 32 * 1024 + 10);
  releaseMemory([whole, withHead]);
  assert.deepEqual([whole.length, withHead.length], [0, 0]);
});

test('small chunks and parts of larger memory stay', () => {
  const small = Buffer.alloc(100);
  const memory = Buffer.allocUnsafeSlow(64 * 1024);
  const part = memory.subarray(0, 32 * 1024);
  releaseMemory([small, part]);
  assert.deepEqual([small.length, part.length, memory.length], [100, 32 * 1024, 64 * 1024]);
});

test('what cannot be transferred is left alone', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(32 * 1024));
  releaseMemory([shared]);
  assert.equal(shared.length, 32 * 1024);
});
