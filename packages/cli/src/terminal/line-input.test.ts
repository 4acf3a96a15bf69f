/** The keys of a hidden prompt. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineInput, maxLineBytes } from './line-input.ts';

function type(keys: string): { kind: string; text: string } {
  const line = new LineInput();
  const verdict = line.feed(Buffer.from(keys));
  return { kind: verdict.kind, text: line.take() };
}

test('Enter ends, backspace takes a character, Ctrl-U the line', () => {
  assert.deepEqual(type('secret\r'), { kind: 'line', text: 'secret' });
  assert.deepEqual(type('secret\n'), { kind: 'line', text: 'secret' });
  assert.deepEqual(type('abé\x7f\x08c\r'), { kind: 'line', text: 'ac' });
  assert.deepEqual(type('日本\x7f\r'), { kind: 'line', text: '日' });
  assert.deepEqual(type('\x7f\x7fa\r'), { kind: 'line', text: 'a' });
  assert.deepEqual(type('wrong\x15right\r'), { kind: 'line', text: 'right' });
  assert.deepEqual(type('abc'), { kind: 'more', text: 'abc' });
});

test('Ctrl-D ends only an empty line, and the signal keys are told', () => {
  assert.equal(type('\x04').kind, 'end');
  assert.deepEqual(type('a\x04b\r'), { kind: 'line', text: 'ab' });
  const line = new LineInput();
  assert.deepEqual(line.feed(Buffer.from('a\x03b')), { kind: 'signal', signal: 'SIGINT', rest: Buffer.from('b') });
  assert.equal(line.feed(Buffer.from('\x1a')).kind, 'signal');
});

test('what follows Enter is kept for the next question, and length is bounded', () => {
  const line = new LineInput();
  const verdict = line.feed(Buffer.from('one\rtwo\r'));
  assert.deepEqual(verdict, { kind: 'line', rest: Buffer.from('two\r') });
  assert.equal(type(`${'x'.repeat(maxLineBytes + 10)}\r`).text.length, maxLineBytes);
});
