import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitConfigLine, splitWords } from './config-words.ts';
import { ValueError } from './keywords/values.ts';

test('keyword and value, with blanks, with =, with quotes', () => {
  for (const line of [
    'Port 22',
    'port=22',
    'PORT = 22',
    '\tPort\t22  ',
    'Port "22"',
    '"Port" 22',
    'Port 22 # why',
    'Port 22\r',
  ]) {
    const found = splitConfigLine(line);
    assert.deepEqual([found?.keyword, found?.words], ['port', ['22']], line);
  }
  assert.equal(splitConfigLine('  # comment'), undefined);
  assert.equal(splitConfigLine(' \t'), undefined);
  assert.deepEqual(splitConfigLine('SetEnv A=b C="d e"')?.words, ['A=b', 'C=d e']);
  assert.equal(splitConfigLine('RemoteCommand echo "a  b" # c')?.rest, 'echo "a  b" # c');
  assert.deepEqual(splitConfigLine('Port')?.words, []);
});

test('words: quotes of both kinds, backslashes, comments', () => {
  assert.deepEqual(splitWords(`a "b c" 'd "e"' f\\ g h\\"i j#k #l m`), ['a', 'b c', 'd "e"', 'f g', 'h"i', 'j#k']);
  assert.deepEqual(splitWords('"a\\"b" "c\\\\d" "e\\f"'), ['a"b', 'c\\d', 'e\\f']);
  assert.throws(() => splitWords('"open'), ValueError);
  assert.throws(() => splitWords("it's"), /invalid quotes/);
});
