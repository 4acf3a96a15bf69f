/** Tests of the one-time password: once, for one account, and for nobody by a guess. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeOneTimePassword } from './one-time-password.ts';

test('it is good once, even when two ask at the same moment', async () => {
  const { password, check } = makeOneTimePassword('ada');
  const answers = await Promise.all([check('ada', password), check('ada', password)]);
  assert.deepEqual(answers, [true, false]);
  assert.equal(await check('ada', password), false);
});

test('a wrong password or another account does not use it up', async () => {
  const { password, check } = makeOneTimePassword('ada');
  for (const guess of ['', password.slice(1), `${password}x`, password.toUpperCase()]) {
    assert.equal(await check('ada', guess), false);
  }
  assert.equal(await check('root', password), false);
  assert.equal(await check('ada', password), true);
});

test('no two are alike', () => {
  const passwords = Array.from({ length: 100 }, () => makeOneTimePassword('ada').password);
  assert.equal(new Set(passwords).size, 100);
  for (const password of passwords) assert.match(password, /^[\w-]{20}$/);
});
