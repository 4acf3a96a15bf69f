/** Words of a command line, and that a quoted word reads back as the text it stands for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import fc from 'fast-check';
import { quoteWord, splitWords } from './shell-words.ts';

const texts = (line: string) => splitWords(line).words.map(({ text }) => text);
const patterns = (line: string) => splitWords(line).words.map(({ pattern }) => pattern);

test('blanks, quotation marks, backslashes, comments', () => {
  const rows: [line: string, words: string[]][] = [
    ['', []],
    ['  get  a\tb ', ['get', 'a', 'b']],
    ['get "my file" \'two words\'', ['get', 'my file', 'two words']],
    ['a"b c"d\'e f\'g', ['ab cde fg']],
    ['""', ['']],
    ['a\\ b \\"c\\\'', ['a b', '"c\'']],
    ['"a\\"b" \'a\\\'b\' "a\'b"', ['a"b', "a'b", "a'b"]],
    ['"a\\nb"', ['a\\nb']],
    ['a\\nb', ['anb']],
    ['ls # a comment', ['ls']],
    ['ls a#b "#c" \\#d', ['ls', 'a']],
    ['# nothing', []],
    ['a\\', ['a']],
    ['é 文字', ['é', '文字']],
  ];
  for (const [line, words] of rows) assert.deepEqual(texts(line), words, line);
});

test('wildcards: quoted ones are marked in the pattern, and plain in the text', () => {
  const rows: [line: string, pattern: string, text: string][] = [
    ['*.t?t', '*.t?t', '*.t?t'],
    ['[ab]\\*', '[ab]\\*', '[ab]*'],
    ['"*"[x]', '\\*[x]', '*[x]'],
    ["'a?[b]'", 'a\\?\\[b]', 'a?[b]'],
    ['a\\\\b', 'a\\\\b', 'a\\b'],
    ['"a\\*"', 'a\\\\\\*', 'a\\*'],
  ];
  for (const [line, pattern, text] of rows) assert.deepEqual([patterns(line), texts(line)], [[pattern], [text]], line);
});

test('what is not closed, too long or too many is refused', () => {
  const isMisuse = (error: unknown) => error instanceof SshError && error.code === 'misuse';
  for (const line of ['"a', "get 'a b", 'a"', '"a\\"', 'x'.repeat(8192), 'a '.repeat(129)]) {
    assert.throws(() => splitWords(line), isMisuse, line.slice(0, 20));
  }
  assert.equal(splitWords('a '.repeat(128)).words.length, 128);
});

test('an unfinished line, for completion: where the last word stands, and in which marks', () => {
  const last = (line: string) => {
    const { words, isTerminated } = splitWords(line, { unfinished: true });
    const word = words.at(-1);
    return [word?.text, word?.start, word?.end, word?.quote, isTerminated];
  };
  assert.deepEqual(last('get "my f'), ['my f', 4, 9, '"', false]);
  assert.deepEqual(last("put 'a\\' b"), ["a' b", 4, 10, "'", false]);
  assert.deepEqual(last('put a\\ b'), ['a b', 4, 8, '', true]);
  assert.deepEqual(last('put "ab"'), ['ab', 4, 8, '"', true]);
  assert.deepEqual(last('"'), ['', 0, 1, '"', false]);
});

test('property: a quoted word is the text again, and every line is split or refused', () => {
  const text = fc.string({ unit: fc.constantFrom(...Array.from(`ab \t'"\\#*?[]{}é文`)), minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(text, (word) => {
      const line = `get ${quoteWord(word)} x`;
      assert.deepEqual(texts(line), ['get', word, 'x'], line);
      // A pattern made of it stands for itself: every wildcard in it has its backslash.
      assert.doesNotMatch((patterns(line)[1] as string).replace(/\\./gs, ''), /[*?[]/);
    }),
  );
  const plain = fc.string({ unit: fc.constantFrom(...Array.from(`ab '"*?[]é`)), maxLength: 12 });
  fc.assert(
    fc.property(plain, fc.constantFrom('"' as const, "'" as const), (word, quote) => {
      assert.deepEqual(texts(`${quote}${quoteWord(word, quote)}${quote}`), [word]);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...Array.from(`ab \t'"\\#*?[`)), maxLength: 20 }), (line) => {
      const { words, isTerminated } = splitWords(line, { unfinished: true });
      for (const { start, end } of words) assert.ok(start < end && end <= line.length);
      if (isTerminated) assert.deepEqual(splitWords(line).words, words);
      else assert.throws(() => splitWords(line), SshError);
    }),
  );
});
