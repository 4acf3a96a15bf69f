import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { splitConfigLine, splitWords } from './line.ts';
import { ValueError } from './place.ts';

test('a keyword and its words, in every way a line may be written', () => {
  for (const line of ['Port 22', 'Port=22', ' Port = 22 ', '\tPort\t22\r', '"Port" 22', 'port "22"', 'PORT 22 # why']) {
    const found = splitConfigLine(line);
    assert.equal(found?.keyword, 'port', line);
    assert.deepEqual(found?.words, ['22'], line);
  }
  assert.equal(splitConfigLine('ProxyCommand nc "%h"  %p # x')?.rest, 'nc "%h"  %p # x');
  assert.equal(splitConfigLine('  # comment'), undefined);
  assert.equal(splitConfigLine('   '), undefined);
  assert.deepEqual(splitConfigLine('Host')?.words, []);
});

test('quotes, backslashes and comments', () => {
  assert.deepEqual(splitWords(`a "b c" 'd "e' f\\ g \\"h i\\j #k`), ['a', 'b c', 'd "e', 'f g', '"h', 'i\\j']);
  assert.deepEqual(splitWords('a#b'), ['a#b']);
  assert.deepEqual(splitWords('""'), ['']);
  assert.throws(() => splitWords('"a'), ValueError);
  assert.throws(() => splitWords("it's"), ValueError);
});

test('words that are quoted read back as they were', () => {
  const quote = (word: string) => `"${word.replace(/["\\]/g, '\\$&')}"`;
  const word = fc.string({ minLength: 1 }).filter((text) => !/[\r\n]/.test(text));
  fc.assert(
    fc.property(fc.array(word), (words) => {
      assert.deepEqual(splitWords(words.map(quote).join(' ')), words);
    }),
  );
});
