/** Patterns against the shell's rules, braces, and the names that a request may bring. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { expandBraces, hasWildcards, matchGlob, requestedNames } from './name-patterns.ts';

const matches = (pattern: string, name: string) => matchGlob(Buffer.from(pattern), Buffer.from(name));
const braces = (pattern: string) => expandBraces(Buffer.from(pattern)).map((one) => one.toString());

test('wildcards', () => {
  const rows: [pattern: string, fits: string[], fitsNot: string[]][] = [
    ['a', ['a'], ['', 'aa', 'b']],
    ['*', ['', 'a', '.b', 'a*'], []],
    ['a*b*c', ['abc', 'axbxbc', 'abcbc'], ['abcd', 'ab', 'acb']],
    ['a?c', ['abc', 'a?c', 'aéc', 'a文c'], ['ac', 'abbc']],
    ['[a-c]x', ['ax', 'cx'], ['dx', 'x', 'aax']],
    ['[!a-c]', ['d', '!', 'é'], ['a', 'b']],
    ['[^a]', ['b', '^'], ['a']],
    ['[]a]', [']', 'a'], ['b']],
    ['[!]a]', ['b'], [']', 'a']],
    ['[a-]', ['a', '-'], ['b']],
    ['[é-ü]', ['ö'], ['o']],
    ['[[:digit:][:upper:]_]', ['1', 'A', '_'], ['a', ':']],
    ['[[:nonsense:]]', [':]', 'n]'], ['n']],
    ['[\\]]', [']'], ['\\']],
    ['[a', ['[a'], ['a']],
    ['\\*', ['*'], ['a', '\\*']],
    ['a\\', ['a\\'], ['a']],
    ['{a,b}c', ['ac', 'bc'], ['cc', '{a,b}c']],
    ['*.{jpg,p[nm]g}', ['x.jpg', 'x.pmg'], ['x.gif']],
  ];
  for (const [pattern, fits, fitsNot] of rows) {
    for (const name of fits) assert.ok(matches(pattern, name), `${pattern} fits ${name}`);
    for (const name of fitsNot) assert.ok(!matches(pattern, name), `${pattern} does not fit ${name}`);
  }
  assert.ok(matchGlob(Buffer.from('a??b'), Buffer.from('aéb')), 'bytes, as a shell without UTF-8 counts');
  assert.ok(matchGlob(Buffer.from('*?'), Buffer.of(0xff)), 'names that are no UTF-8');
});

test('braces', () => {
  assert.deepEqual(braces('a{b,c}d'), ['abd', 'acd']);
  assert.deepEqual(braces('{a,b}{1,2}'), ['a1', 'a2', 'b1', 'b2']);
  assert.deepEqual(braces('{a,b{1,2},}x'), ['ax', 'b1x', 'b2x', 'x']);
  assert.deepEqual(braces('{}{a}'), ['{}a']);
  for (const plain of ['a', '{a', 'a}', '\\{a,b}', '[{a,b}]', '{}', 'a{b{c']) assert.deepEqual(braces(plain), [plain]);
  assert.deepEqual(braces('x{a{b,c}'), ['x{ab', 'x{ac']);
  assert.throws(
    () => braces('{a,b}'.repeat(20)),
    (error) => error instanceof SshError && error.code === 'limit-exceeded',
  );
});

test('stars do not explode, and any bytes are a pattern', () => {
  const started = performance.now();
  assert.equal(matches(`${'a*'.repeat(40)}c`, 'a'.repeat(2000)), false);
  assert.ok(performance.now() - started < 2000);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 30 }), fc.uint8Array({ maxLength: 20 }), (pattern, name) => {
      assert.equal(typeof matchGlob(pattern, name), 'boolean');
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), (name) => {
      const escaped = Buffer.from(
        Array.from(name).flatMap((byte) => (/[*?[\]{}\\,]/.test(String.fromCharCode(byte)) ? [0x5c, byte] : [byte])),
      );
      assert.ok(matchGlob(escaped, name));
      assert.equal(hasWildcards(escaped), false);
    }),
  );
});

test('what a request may bring', () => {
  const has = (path: string, name: string, reading: 'literal' | 'pattern' = 'pattern') =>
    requestedNames(Buffer.from(path), reading).has(Buffer.from(name));
  assert.ok(has('a/b', 'b') && has('a/b//', 'b') && has('b', 'b') && !has('a/b', 'a'));
  assert.ok(has('{x/a,y/b}', 'b') && !has('{x/a,y/b}', 'x'));
  assert.ok(has('d/*', '*') && has('a{b,c}', 'a{b,c}'), 'what the shell leaves as it is');
  assert.ok(has('d/*', 'x') && !has('d/*', 'x', 'literal') && has('d/*', '*', 'literal'));
  assert.ok(
    !has('*', '.bashrc') && !has('[.x]*', '.x') && has('.*', '.bashrc') && has('\\.b*', '.b') && has('{.,}x', '.x'),
  );
  assert.ok(has('my\\ file', 'my file') && !has('~', 'root') && !has('/', 'x'));
});
