/** Patterns of a sync. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeFilter } from './filter.ts';

const isOut = (pattern: string | Buffer, path: string, kind: 'file' | 'directory' = 'file') =>
  !makeFilter({ exclude: [pattern] })(Buffer.from(path, 'latin1'), kind);

test('a pattern without a slash is held against the last name, one with slashes against the end, or all from the root on', () => {
  for (const [pattern, yes, no] of [
    ['*.o', ['a.o', 'd/a.o', '.o', 'a/b/.x.o'], ['a.op', 'a.o/x', 'a.']],
    ['/a', ['a'], ['b/a', 'ab', 'a/b']],
    ['a/b', ['a/b', 'x/a/b', 'x/y/a/b'], ['a', 'xa/b', 'a/bc', 'a/x/b']],
    ['/a/b', ['a/b'], ['x/a/b']],
    ['a?c', ['abc', 'x/a.c'], ['a/c', 'ac', 'abbc']],
    ['a*c', ['ac', 'abbc'], ['a/c', 'ab/c']],
    ['/a/**', ['a/b', 'a/b/c'], ['a', 'b/a/c']],
    ['/**/x', ['x', 'a/x', 'a/b/x'], ['ax', 'a/bx']],
    ['a/**/b', ['a/b', 'a/x/b', 'y/a/x/z/b'], ['a/xb', 'ab']],
    ['a**z', ['az', 'a/b/z', 'abz'], ['a/b/zz/y']],
    ['[a-c]x', ['ax', 'd/cx'], ['dx', 'x']],
    ['[!a]', ['b'], ['a', 'bb']],
    ['[', ['[', 'd/['], ['x']],
    ['[]]', [']'], ['[']],
    ['\\*', ['*'], ['a', '\\*']],
    ['a\\', ['a\\'], ['a']],
    ['\xff*', ['\xff\xfe', 'd/\xff'], ['x']],
  ] as const) {
    for (const path of yes) assert.ok(isOut(Buffer.from(pattern, 'latin1'), path), `${pattern} is ${path}`);
    for (const path of no) assert.ok(!isOut(Buffer.from(pattern, 'latin1'), path), `${pattern} is not ${path}`);
  }
});

test('a slash at the end means folders; what is included is not left out', () => {
  assert.deepEqual(
    [isOut('tmp/', 'tmp', 'directory'), isOut('tmp/', 'tmp'), isOut('tmp/', 'd/tmp', 'directory')],
    [true, false, true],
  );
  const filter = makeFilter({ exclude: ['*'], include: ['*/', '*.c'] });
  const takes = (path: string, kind: 'file' | 'directory') => filter(Buffer.from(path), kind);
  assert.deepEqual([takes('d', 'directory'), takes('d/a.c', 'file'), takes('d/a.h', 'file')], [true, true, false]);
  for (const pattern of ['', '/'])
    assert.throws(() => makeFilter({ exclude: [pattern] }), /a pattern of names is empty/);
});

test('names are themselves behind backslashes, and patterns made to be slow are not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), (bytes) => {
      const name = Buffer.from(bytes).map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte));
      const pattern = Buffer.concat([...name].map((byte) => Buffer.of(0x5c, byte)));
      assert.ok(isOut(pattern, Buffer.from(name).toString('latin1')));
    }),
  );
  // Once back and forth for each star would take longer than anybody waits.
  assert.ok(!isOut(`${'**a*'.repeat(40)}b`, 'a/'.repeat(1500)));
});
