import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageName, type Phase, type Role, verdictFor } from './phase.ts';
import { expectations, expectedVerdict } from './phase-expectations.test.ts';

test('the verdict on each of the 256 numbers, in each phase and role, strict and not', () => {
  let checked = 0;
  for (const key of Object.keys(expectations)) {
    const [role, phase] = key.split(' ') as [Role, Phase];
    for (const strict of [false, true]) {
      for (let number = 0; number < 256; number++, checked++) {
        const verdict = verdictFor(role, phase, number, strict);
        const expected = expectedVerdict(role, phase, number, strict);
        assert.equal(verdict, expected, `${number} at a ${role} in ${phase}${strict ? ', strict' : ''}`);
      }
    }
  }
  assert.equal(checked, 12 * 2 * 256);
});

test('what is no message number is refused', () => {
  for (const number of [-1, 256, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.equal(verdictFor('server', 'connection', number, false), 'refuse');
  }
});

test('names for logs', () => {
  assert.equal(messageName(1), 'DISCONNECT');
  assert.equal(messageName(20), 'KEXINIT');
  assert.equal(messageName(199), 'unassigned');
});
