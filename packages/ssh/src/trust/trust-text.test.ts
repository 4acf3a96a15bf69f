import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodePieceLine, linesWith, piecesOf, textOf } from './trust-text.ts';

test('pieces are whole lines, and together they are the file', () => {
  const line = fc.string({ unit: fc.constantFrom('a', 'ä', '\r', 'b'.repeat(3000), 'c'.repeat(70_000)), maxLength: 4 });
  fc.assert(
    fc.property(fc.array(line, { maxLength: 60 }), (lines) => {
      const bytes = Buffer.from(lines.join('\n'));
      const pieces = [...piecesOf(bytes)];
      assert.equal(pieces.map(decodePieceLine).join(''), lines.join('\n'));
      for (const piece of pieces.slice(0, -1)) assert.ok(piece.endsWith('\n'));
      const longest = Math.max(0, ...lines.map((each) => Buffer.byteLength(each)));
      for (const piece of pieces) assert.ok(piece.length <= 64 * 1024 + longest + 1);
    }),
    { numRuns: 200 },
  );
});

test('the lines that hold a word are those that a look at every line gives, of text and of bytes', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'ab', '\n', '\r', 'ä', ' '), maxLength: 60 });
  fc.assert(
    fc.property(text, fc.constantFrom('a', 'ab', 'abab', 'bb'), (whole, word) => {
      const expected = whole.split('\n').flatMap((line, at) => (line.includes(word) ? [{ line, number: at + 1 }] : []));
      assert.deepEqual([...linesWith(whole, word)], expected);
      assert.deepEqual([...linesWith(Buffer.from(whole), word)], expected);
      assert.deepEqual([...linesWith(new Uint8Array(Buffer.from(whole)), word)], expected);
    }),
    { numRuns: 2000 },
  );
});

test('bytes that are no UTF-8 are replaced, and the lines around them stay what they are', () => {
  const bytes = Buffer.concat([
    Buffer.from('one a\nsalt\u00e9\n'),
    Buffer.from([0xff, 0x61, 0x0a]),
    Buffer.from('b a'),
  ]);
  assert.deepEqual(
    [...linesWith(bytes, 'a')].map(({ number }) => number),
    [1, 2, 3, 4],
  );
  assert.equal(textOf(bytes), 'one a\nsalt\u00e9\n\ufffda\nb a');
});
