/** Names of a server as names here. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldLocalName, requireLocalName } from './local-names.ts';

const refused = (name: string | Buffer, platform: NodeJS.Platform) =>
  assert.throws(() => requireLocalName(Buffer.from(name as string), platform), { code: 'bad-message', side: 'peer' });

test('names that lead out of their folder are refused everywhere', () => {
  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    for (const name of ['', '.', '..', 'a/b', '../x', '/etc', 'a\0']) refused(name, platform);
    for (const name of ['..a', '.hidden', '-rf', 'a b', 'é']) requireLocalName(Buffer.from(name), platform);
  }
  requireLocalName(Buffer.of(0xff), 'linux');
  requireLocalName(Buffer.from('a\\b:c'), 'linux');
});

test('Windows: other slashes, streams, devices, endings that are dropped', () => {
  const bad = ['a\\b', '..\\x', 'C:', 'a:stream', 'con', 'CON', 'nul.txt', 'com1', 'lpt9.x', 'a.', 'a ', 'a\n', 'a?'];
  for (const name of bad) refused(name, 'win32');
  refused(Buffer.of(0xff), 'win32');
  for (const name of ['console', 'com10', 'a.b', 'nulls']) requireLocalName(Buffer.from(name), 'win32');
});

test('names are one file where the system does not tell them apart', () => {
  const isOne = (a: string, b: string, platform: NodeJS.Platform) =>
    foldLocalName(Buffer.from(a), platform) === foldLocalName(Buffer.from(b), platform);
  assert.ok(!isOne('A', 'a', 'linux') && isOne('A', 'a', 'win32') && isOne('e\u0301', 'É', 'darwin'));
  assert.ok(!isOne('a', 'b', 'darwin'));
});
