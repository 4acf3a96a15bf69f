/** The line of `~C`: what is shown is what is kept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PromptLine } from './prompt-line.ts';

/** The line after these keys, what was shown, and how it ended. */
function type(...pieces: (string | Buffer)[]): { text: string; echo: string; verdict: string; rest: string } {
  const line = new PromptLine();
  let echo = '';
  for (const piece of pieces) {
    const step = line.feed(Buffer.from(piece as string));
    echo += step.echo;
    if (step.verdict !== 'more') return { text: line.text, echo, verdict: step.verdict, rest: step.rest.toString() };
  }
  return { text: line.text, echo, verdict: 'more', rest: '' };
}

test('Enter gives the line, and leaves what follows', () => {
  assert.deepEqual(type('-L 80:a', ':80\rls\r'), {
    text: '-L 80:a:80',
    echo: '-L 80:a:80\r\n',
    verdict: 'line',
    rest: 'ls\r',
  });
});

test('backspace, Ctrl-U and Ctrl-W take away as many columns as they take characters', () => {
  assert.deepEqual(type('ab\x7f'), { text: 'a', echo: 'ab\b \b', verdict: 'more', rest: '' });
  assert.equal(type('\x7f').echo, '');
  assert.equal(type('日\x08').echo, '日\b \b\b \b');
  assert.equal(type('-L x\x15').text, '');
  assert.equal(type('-L 80 x  \x17').text, '-L 80 ');
});

test('a character may come in pieces', () => {
  const bytes = Buffer.from('é');
  assert.deepEqual(type(bytes.subarray(0, 1), bytes.subarray(1)).text, 'é');
});

test('Ctrl-C, Ctrl-Z and Ctrl-D give up; Ctrl-D only where nothing is typed', () => {
  for (const key of ['\x03', '\x1a', '\x04']) assert.equal(type(key).verdict, 'cancel');
  assert.equal(type('a\x03').verdict, 'cancel');
  assert.deepEqual(type('a\x04b').text, 'ab');
});

test('control characters are neither kept nor shown, and a line has an end', () => {
  const { text, echo } = type('a\x1b\x00\xc2\x9b2Jb');
  assert.equal(text, echo);
  assert.doesNotMatch(text, /\p{Cc}/u);
  assert.equal(type('x'.repeat(10_000)).text.length, 4096);
});
