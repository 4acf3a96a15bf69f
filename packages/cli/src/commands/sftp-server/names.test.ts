/** Names for listings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountNames } from './names.ts';

test('root has its name, whoever is nobody has none', { skip: process.platform !== 'linux' }, async () => {
  const names = accountNames();
  assert.equal(await names.user(0), 'root');
  assert.equal(await names.group(0), 'root');
  assert.equal(await names.user(3_999_999_999), undefined);
  assert.equal(await names.group(3_999_999_999), undefined);
  assert.equal(await names.home?.('root'), '/root');
  assert.equal(await names.home?.('no such user'), undefined);
});
