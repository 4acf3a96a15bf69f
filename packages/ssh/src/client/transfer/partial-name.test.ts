/** Names of partial files. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partialPath } from './partial-name.ts';

test('the suffix is added; long names are cut, and stay apart', () => {
  const path = (name: string) => partialPath(Buffer.from(`/a/b/${name}`), '.part').toString();
  assert.equal(path('f'), '/a/b/f.part');
  assert.equal(partialPath(Buffer.from('f'), '.part').toString(), 'f.part');
  assert.equal(path('x'.repeat(250)).length, 5 + 255);
  const [one, two] = [path(`${'x'.repeat(254)}1`), path(`${'x'.repeat(254)}2`)];
  assert.deepEqual([one.length, two.length], [5 + 255, 5 + 255]);
  assert.ok(one !== two && one.endsWith('.part') && one === path(`${'x'.repeat(254)}1`));
});
