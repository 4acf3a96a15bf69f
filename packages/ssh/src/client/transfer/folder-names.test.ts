/** Names of a folder. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FolderNames } from './folder-names.ts';

test('each name once, no two that are one file, and an end', () => {
  const names = new FolderNames((name) => name.toString().toLowerCase(), 3);
  assert.equal(names.add(Buffer.from('A')), true);
  assert.equal(names.add(Buffer.from('A')), false);
  assert.throws(() => names.add(Buffer.from('a')), /another name of this folder is the same file/);
  names.add(Buffer.from('b'));
  names.add(Buffer.from('c'));
  assert.throws(() => names.add(Buffer.from('d')), {
    code: 'limit-exceeded',
    message: 'more than 3 entries in a folder',
  });
});
