/** Calls at once, and by threads while a disk is slow. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from '../../io/index.ts';
import { blockingCalls } from './calls.ts';
import { pacedCalls } from './paced-calls.ts';

const root = Buffer.from('/');

/** Calls whose clock a test sets: each lstat takes as long as `takesMs` says. */
function setUp() {
  const clock = { nowMs: 0, takesMs: 0 };
  const quick: typeof blockingCalls = {
    ...blockingCalls,
    lstat: (path) => {
      clock.nowMs += clock.takesMs;
      return blockingCalls.lstat(path);
    },
  };
  const calls = pacedCalls(new Pace(() => clock.nowMs), quick);
  return { clock, calls, isAtOnce: () => !(calls.lstat(root) instanceof Promise) };
}

test('quick calls are made at once, and a slow one among many changes nothing', () => {
  const { clock, isAtOnce } = setUp();
  for (let round = 0; round < 10; round++) {
    clock.takesMs = 20;
    assert.ok(isAtOnce());
    clock.takesMs = 0;
    for (let at = 0; at < 40; at++) assert.ok(isAtOnce());
  }
});

test('several slow calls are a slow disk: threads for a while, then one more try', () => {
  const { clock, isAtOnce } = setUp();
  clock.takesMs = 10;
  assert.deepEqual([isAtOnce(), isAtOnce(), isAtOnce(), isAtOnce()], [true, true, true, false]);
  clock.nowMs += 1000;
  assert.deepEqual([isAtOnce(), isAtOnce()], [true, false]);
});

test('one call that everybody noticed is enough', () => {
  const { clock, isAtOnce } = setUp();
  clock.takesMs = 200;
  assert.deepEqual([isAtOnce(), isAtOnce()], [true, false]);
});

test('a call that fails is judged like another, and fsync never keeps anybody waiting', async () => {
  const { clock, calls, isAtOnce } = setUp();
  clock.takesMs = 200;
  assert.throws(() => calls.lstat(Buffer.from('/none/at/all')), { code: 'ENOENT' });
  assert.equal(isAtOnce(), false);
  const synced = setUp().calls.fsync(-1);
  assert.ok(synced instanceof Promise);
  await assert.rejects(synced);
});
