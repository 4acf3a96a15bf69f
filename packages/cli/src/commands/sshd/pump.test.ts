/** When output is gathered: bulk is, answers are not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from './pump.ts';

const small = 8192;
const burst = 1024 * 1024;

test('a program that writes small pieces without being asked is bulk once it has written a megabyte', () => {
  const pace = new Pace();
  for (let at = 0; at < burst / small; at++) assert.equal(pace.shouldGather(small), false);
  assert.equal(pace.shouldGather(small), true);
  // Whole packets need no gathering.
  assert.equal(pace.shouldGather(64 * 1024), false);
});

test('answers never wait, however many there are; large input is no question', () => {
  const pace = new Pace();
  for (let at = 0; at < (3 * burst) / small; at++) {
    pace.noteInput(30);
    assert.equal(pace.shouldGather(small), false);
  }
  let gathered = 0;
  for (let at = 0; at < (3 * burst) / small; at++) {
    pace.noteInput(64 * 1024);
    if (pace.shouldGather(small)) gathered++;
  }
  assert.ok(gathered > 0);
});
