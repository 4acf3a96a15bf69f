/** Patterns of names: what matches, and how a server's folders are walked for them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { expandGlob, hasGlob, matchGlob } from './glob.ts';
import { startMemory } from './memory-server.test.kit.ts';

const matches = (pattern: string, name: string) => matchGlob(Buffer.from(pattern), Buffer.from(name));

test('stars, question marks, classes, backslashes, and dots that have to be asked for', () => {
  const yes: [string, string][] = [
    ['*', 'abc'],
    ['a*c', 'abbc'],
    ['*.tar.*', 'x.tar.gz'],
    ['a?c', 'abc'],
    ['[a-c]x', 'bx'],
    ['[!a-c]x', 'dx'],
    ['[^a]', 'b'],
    ['[]a]', ']'],
    ['[a-]', '-'],
    ['[\\]]', ']'],
    ['a\\*', 'a*'],
    ['[ab', '[ab'],
    ['.*', '.hidden'],
    ['\\.*', '.hidden'],
    ['a**b', 'ab'],
    ['', ''],
  ];
  const no: [string, string][] = [
    ['*', '.hidden'],
    ['?x', '.x'],
    ['[.]x', '.x'],
    ['a?c', 'ac'],
    ['[a-c]x', 'dx'],
    ['a\\*', 'ab'],
    ['a*c', 'abd'],
    ['a', 'ab'],
    ['', 'a'],
    ['[!a]', 'a'],
  ];
  for (const [pattern, name] of yes) assert.ok(matches(pattern, name), `${pattern} should match ${name}`);
  for (const [pattern, name] of no) assert.ok(!matches(pattern, name), `${pattern} should not match ${name}`);
  assert.ok(matchGlob(Buffer.from([0x2a, 0xff]), Buffer.from([0xc3, 0xff])));
  assert.ok(hasGlob('a\\b') && hasGlob('*') && !hasGlob('a.b'));
});

test('every name matches itself behind backslashes, and patterns made to be slow are not', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), (name) => {
      const pattern = [...name].map((character) => `\\${character}`).join('');
      assert.ok(matches(pattern, name));
    }),
  );
  const start = performance.now();
  assert.ok(!matches('*a'.repeat(50), 'a'.repeat(5000).replace(/a$/, 'b')));
  assert.ok(performance.now() - start < 1000);
});

test('a server is searched folder by folder; names are found as the bytes they are', async () => {
  const { server, sftp } = await startMemory();
  server.folder('/logs').folder('/logs/a').folder('/logs/b').file('/logs/a/x.gz', '').file('/logs/b/y.gz', '');
  server.file('/logs/b/y.txt', '').file('/logs/\xff.gz', '').link('/logs/c', 'b').file('/logs/.z.gz', '');
  const find = async (pattern: string) => (await expandGlob(sftp, pattern)).map(({ path }) => path.toString('latin1'));
  assert.deepEqual(await find('/logs/*/*.gz'), ['/logs/a/x.gz', '/logs/b/y.gz', '/logs/c/y.gz']);
  assert.deepEqual(await find('/logs/*.gz'), ['/logs/\xff.gz']);
  assert.deepEqual(await find('logs/?/y.txt'), ['logs/b/y.txt', 'logs/c/y.txt']);
  assert.deepEqual(await find('/none/*'), []);
  assert.deepEqual(await find('/logs/a/x.gz/*'), []);
  assert.deepEqual(await find('/not there'), ['/not there']);
});
