/** Keys at a prompt: what the line becomes, what is drawn, and how the terminal is left. */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { commonBeginning, formatCandidates } from './completion-list.ts';
import { LineEditor, type LineEditorOptions } from './line-editor.ts';

// node:readline draws nothing of its own on a dumb terminal.
process.env.TERM = 'xterm';

interface Desk {
  editor: LineEditor;
  /** Asks for a line and types; resolves with the answer's text, or its kind. */
  ask(...keys: string[]): Promise<string>;
  type(keys: string): void;
  screen(): string;
  modes: string[];
}

function open(t: TestContext, options: Partial<LineEditorOptions> = {}): Desk {
  const input = new PassThrough();
  const output = Object.assign(new PassThrough(), { columns: 40 });
  const modes: string[] = [];
  let drawn = '';
  output.on('data', (chunk: Buffer) => {
    drawn += chunk.toString();
  });
  const editor = new LineEditor({
    input,
    output,
    terminal: {
      enterRaw: () => void modes.push('raw'),
      leaveRaw: () => void modes.push('cooked'),
      suspend: async () => void modes.push('suspended'),
    },
    ...options,
  });
  t.after(() => editor.close());
  const type = (keys: string) => void input.write(keys);
  return {
    editor,
    modes,
    type,
    screen: () => drawn,
    async ask(...keys) {
      const answer = editor.readLine('> ');
      for (const piece of keys) {
        type(piece);
        await new Promise(setImmediate);
      }
      const got = await answer;
      return got.kind === 'line' ? got.text : `<${got.kind}>`;
    },
  };
}

const [left, right, up, down, home, end] = ['\x1b[D', '\x1b[C', '\x1b[A', '\x1b[B', '\x1b[H', '\x1b[F'];

test('emacs keys', async (t) => {
  const { ask } = open(t);
  const rows: [keys: string, line: string][] = [
    ['abc', 'abc'],
    [`abc${left}${left}X${right}Y`, 'aXbYc'],
    [`b${home}a${end}c`, 'abc'],
    ['b\x01a\x05c', 'abc'],
    ['abc\x02\x02\x0b', 'a'],
    ['one two\x02\x02\x02\x15', 'two'],
    ['one two\x17', 'one '],
    ['one two\x17\x01\x19', 'twoone '],
    ['one two\x01\x1bd\x05\x19\x19', 'twoone one '],
    ['one two\x15\x19!', 'one two!'],
    ['ab\x14', 'ba'],
    ['abc\x02\x02\x14', 'bac'],
    ['a\x14', 'a'],
    ['one two\x1bb\x1bbX\x1bfY', 'Xone Ytwo'],
    ['one two\x01\x1bd', 'two'],
    ['one two\x1b\x7f', 'one '],
    ['abc\x7f\x08', 'a'],
    ['abc\x01\x04', 'bc'],
    ['文字é\x7f', '文字'],
    [`文字${left}x`, '文x字'],
  ];
  for (const [keys, line] of rows) assert.equal(await ask(`${keys}\r`), line, JSON.stringify(keys));
  // A key may come in pieces.
  assert.equal(await ask('ab\x1b', '[', 'Dx', '\r'), 'axb');
});

test('the history: up, down, by beginning, and searching backwards', async (t) => {
  const { ask, editor, screen } = open(t);
  for (const line of ['get alpha', 'put beta', 'get gamma', '  ', 'get gamma']) await ask(`${line}\r`);
  assert.deepEqual([...editor.history], ['get gamma', 'put beta', 'get alpha']);
  assert.equal(await ask(`${up}${up}\r`), 'put beta');
  assert.equal(await ask(`${up}${up}${up}${down}\r`), 'get gamma');
  assert.equal(await ask('\x12alp\r'), 'get alpha');
  assert.match(screen(), /\(reverse-i-search\)`alp': get alpha/);
  assert.equal(await ask('\x12get\x12\r'), 'get gamma');
  assert.equal(await ask('typed\x12beta\x07!\r'), 'typed!');
  assert.equal(await ask('\x12gamm\x05 more\r'), 'get gamma more');
  assert.equal(await ask('\x12nothing\r'), '');
  assert.match(screen(), /\(failed reverse-i-search\)`nothing': /);
  assert.equal(await ask('\x12betax\x7f\x1b', '\r'), 'put beta');
  assert.equal(await ask('x\x12', '\x03', 'y\r'), 'xy');
});

test('^C, ^D and the end of the input', async (t) => {
  const { ask, editor, modes, screen } = open(t);
  assert.equal(await ask('half\x03'), '<interrupt>');
  assert.ok(screen().endsWith('^C\r\n\x1b[?2004l'));
  assert.equal(await ask('\x04'), '<end>');
  assert.equal(await ask('again\r'), 'again');
  assert.deepEqual(modes, ['raw', 'cooked', 'raw', 'cooked', 'raw', 'cooked']);
  const input = new PassThrough();
  const gone = new LineEditor({
    input,
    output: new PassThrough(),
    terminal: { enterRaw() {}, leaveRaw() {}, async suspend() {} },
  });
  const waiting = gone.readLine('> ');
  input.end('half');
  assert.deepEqual(await waiting, { kind: 'end' });
  assert.deepEqual(await gone.readLine('> '), { kind: 'end' });
  editor.close();
  assert.deepEqual(await editor.readLine('> '), { kind: 'end' });
});

test('what is typed ahead waits for the next line, in order', async (t) => {
  const { ask, editor } = open(t);
  assert.equal(await ask('one\rtwo\rthr'), 'one');
  assert.equal(await ask(), 'two');
  assert.equal(await ask('ee\r'), 'three');
  assert.deepEqual([...editor.history], ['three', 'two', 'one']);
});

test('^Z suspends, and the line is there again', async (t) => {
  const { ask, modes, screen } = open(t);
  assert.equal(await ask('ab\x1ac', '\r'), 'abc');
  assert.deepEqual(modes, ['raw', 'suspended', 'cooked']);
  assert.equal(screen().match(/\x1b\[\?2004h/g)?.length, 2);
});

test('pasted text is text: no line is sent off, nothing completes, controls are left out', async (t) => {
  let completions = 0;
  const { ask } = open(t, {
    complete: async () => {
      completions++;
      return undefined;
    },
  });
  assert.equal(await ask('x\x1b[200~a\tb\x1b[31m\x03\x12c\x1b[201~y\r'), 'xa b[31mcy');
  assert.equal(completions, 0);
  // Each line takes an Enter of its own.
  assert.equal(await ask('\x1b[200~rm a\r\nrm b\nrm c\n\x1b[201~ # \r'), 'rm a # ');
  assert.equal(await ask('2\r'), 'rm b2');
  assert.equal(await ask('\x03'), '<interrupt>');
  assert.equal(await ask('new\r'), 'new');
});

test('Tab: the whole word, the part in common, the list', async (t) => {
  const names = ['alpha', 'alpine', 'beta gamma', 'evil\x1b[2J1', 'evil\x1b[2J2'];
  const { ask, screen } = open(t, {
    complete: async (line, cursor) => {
      const start = line.lastIndexOf(' ', cursor - 1) + 1;
      const fitting = names.filter((name) => name.startsWith(line.slice(start, cursor)));
      return {
        start,
        suffix: ' ',
        candidates: fitting.map((name) => ({ insert: name.replaceAll(' ', '\\ '), shown: name })),
      };
    },
  });
  assert.equal(await ask('get b\t', 'x\r'), 'get beta\\ gamma x');
  assert.equal(await ask('get a\t', '\r'), 'get alp');
  assert.ok(!screen().includes('alpine'));
  assert.equal(await ask('get a\t', '\t', 'i\t', '\r'), 'get alpine ');
  assert.match(screen(), /\r\nalpha {3}alpine\r\n/);
  assert.equal(await ask('get al end', left + left + left + left, '\t', 'h\t', '\r'), 'get alpha  end');
  assert.equal(await ask('get q\t', '\r'), 'get q');
  assert.ok(screen().includes('\x07'));
  // Names that would move the cursor are neither put into the line nor shown as they are.
  assert.equal(await ask('get e\t', '\t', '\r'), 'get evil');
  assert.ok(screen().includes('evil\\033[2J1'));
  assert.ok(!screen().includes('\x1b[2J'));
});

test('keys wait for a slow completion, and ^C ends the wait', async (t) => {
  let release = () => {};
  const { ask, type } = open(t, {
    complete: (_line, _cursor, signal) =>
      new Promise((resolve, reject) => {
        release = () => resolve({ start: 0, candidates: [{ insert: 'done' }] });
        signal.addEventListener('abort', () => reject(signal.reason));
      }),
  });
  const slow = ask('d\t', '!\r');
  await new Promise(setImmediate);
  release();
  assert.equal(await slow, 'done!');
  const stopped = ask('d\t');
  await new Promise(setImmediate);
  type('\x03');
  type('more\r');
  assert.equal(await stopped, 'dmore');
});

test('a line longer than the terminal, and a list below it', async (t) => {
  const { ask, screen } = open(t, {
    complete: async () => ({ start: 0, candidates: [{ insert: '1' }, { insert: '2' }] }),
  });
  const long = 'word '.repeat(30);
  assert.equal(await ask(long, `${home}x`, '\t', '\t', 'y\r'), `xy${long}`);
  assert.match(screen(), /1 {2}2\r\n/);
});

test('the list and the common part by themselves', () => {
  const candidates = ['文字', '文句', 'a'].map((insert) => ({ insert }));
  assert.equal(commonBeginning(candidates.slice(0, 2)), '文');
  assert.equal(commonBeginning(candidates), '');
  assert.equal(commonBeginning([{ insert: '😀' }, { insert: '😁' }]), '');
  assert.equal(commonBeginning([{ insert: 'ab\ncd' }]), 'ab');
  assert.deepEqual(formatCandidates(candidates, 13), ['文字  文句', 'a']);
  assert.deepEqual(formatCandidates(candidates, 1), ['文字', '文句', 'a']);
  assert.deepEqual(formatCandidates([], 80), []);
});
