/** The rules of shadow(5), and names that must never reach a helper's command line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeShadow, verifyPassword } from './passwords.ts';
import type { ShadowEntry } from './platform.ts';

const today = 20_000;
const normal: ShadowEntry = {
  passwordField: '$y$x',
  lastChangeDay: today - 10,
  maxDays: 99999,
  inactiveDays: undefined,
  expireDay: undefined,
};
const judge = (change: Partial<ShadowEntry>): string => {
  const { locked, expired, passwordExpired } = judgeShadow({ ...normal, ...change }, today);
  return [locked && 'locked', expired && 'expired', passwordExpired && 'change'].filter(Boolean).join(' ');
};

test('locked, expired, password to be changed', () => {
  assert.equal(judge({}), '');
  assert.equal(judge({ passwordField: '!$y$x' }), 'locked');
  assert.equal(judge({ passwordField: '*' }), '', 'no password is not locked');
  assert.equal(judge({ expireDay: today }), '', 'the last day is a good one');
  assert.equal(judge({ expireDay: today - 1 }), 'expired');
  assert.equal(judge({ expireDay: 0 }), '');
  assert.equal(judge({ lastChangeDay: 0 }), 'change');
  assert.equal(judge({ maxDays: 10 }), '');
  assert.equal(judge({ maxDays: 9 }), 'change');
  assert.equal(judge({ maxDays: 9, inactiveDays: 1 }), 'change');
  assert.equal(judge({ maxDays: 9, inactiveDays: 0 }), 'expired change');
  assert.equal(judge({ lastChangeDay: undefined, maxDays: 1 }), '');
});

test('odd names and passwords are refused, all after the same wait', async () => {
  const started = performance.now();
  const answers = await Promise.all([
    verifyPassword('', 'x'),
    verifyPassword('-h', 'x'),
    verifyPassword('a\0b', 'x'),
    verifyPassword('a/b', 'x'),
    verifyPassword('no-such-user-here', 'x'),
    verifyPassword('root', 'x\0'),
    verifyPassword('root', 'x'.repeat(5000)),
  ]);
  assert.deepEqual(answers, Array(7).fill(false));
  assert.ok(performance.now() - started >= 245);
});
