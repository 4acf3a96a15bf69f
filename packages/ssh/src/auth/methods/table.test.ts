import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { authMethods, findAuthMethod } from './table.ts';

test('every file of a method is a row of the table', () => {
  const others = ['table', 'types'];
  const files = readdirSync(import.meta.dirname)
    .filter((file) => /^[a-z-]+\.(ts|js)$/.test(file))
    .map((file) => file.replace(/\.(ts|js)$/, ''));
  assert.deepEqual(files.filter((file) => !others.includes(file)).sort(), authMethods.map(({ name }) => name).sort());
});

test('a method is found by each of its names, which are its own', () => {
  const names = authMethods.flatMap(({ name, aliases }) => [name, ...aliases]);
  assert.equal(new Set(names).size, names.length);
  for (const method of authMethods)
    for (const name of [method.name, ...method.aliases]) assert.equal(findAuthMethod(name), method);
  assert.equal(findAuthMethod('constructor'), undefined);
});
