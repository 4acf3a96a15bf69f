import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backOffMs, defaultBackOff } from './back-off.ts';

test('pauses double up to the bound, between half and the whole', () => {
  const longest = [1, 2, 3, 6, 7, 8, 5000].map((attempt) => backOffMs(defaultBackOff, attempt, () => 1));
  assert.deepEqual(longest, [1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000]);
  assert.equal(
    backOffMs(defaultBackOff, 3, () => 0),
    2000,
  );
  for (let i = 0; i < 100; i++) {
    const ms = backOffMs({ firstMs: 8, mostMs: 64, attempts: 0 }, 2);
    assert.ok(ms >= 8 && ms <= 16);
  }
});
