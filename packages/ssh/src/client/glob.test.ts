/** Paths by pattern. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { expandGlob } from './glob.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-glob-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'd'));
for (const name of ['b.conf', 'a.conf', '.c.conf', 'd.txt', ']x', 'a[1]', 'a-z'])
  writeFileSync(join(folder, 'd', name), '');

const names = (pattern: string) => expandGlob(join(folder, pattern)).map((path) => path.slice(folder.length + 1));

test('wildcards: sorted, hidden files only where they are named', () => {
  assert.deepEqual(names('d/*.conf'), ['d/a.conf', 'd/b.conf']);
  assert.deepEqual(names('?/.*'), ['d/.c.conf']);
  assert.deepEqual(names('*/?.txt'), ['d/d.txt']);
  assert.deepEqual(names('nothing/*'), []);
  assert.deepEqual(names('d/none.conf'), []);
});

test('sets of characters, negated and not, and what stands for itself', () => {
  assert.deepEqual(names('d/[ab].conf'), ['d/a.conf', 'd/b.conf']);
  assert.deepEqual(names('d/[!a].conf'), ['d/b.conf']);
  assert.deepEqual(names('d/[b-z].*'), ['d/b.conf', 'd/d.txt']);
  assert.deepEqual(names('d/[]]x'), ['d/]x']);
  assert.deepEqual(names('d/a\\[1]'), ['d/a[1]']);
  assert.deepEqual(names('d/a[0-9-]z'), ['d/a-z']);
  assert.deepEqual(names('d/[a'), []);
});

test('many stars cost no more than length times length, and a pattern has an end', () => {
  writeFileSync(join(folder, 'd', 'a'.repeat(200)), '');
  assert.deepEqual(names(`d/${'*a'.repeat(100)}*b`), []);
  assert.throws(
    () => names('*'.repeat(5000)),
    (error) => error instanceof SshError && error.code === 'limit-exceeded',
  );
});
