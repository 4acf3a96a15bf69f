/** The escape characters: where they count, what they do, and that nothing typed is lost or doubled. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeHelp, escapes, processEscapes, startEscapes } from './escapes.ts';

const tilde = 0x7e;

/** Feeds the pieces and joins what came out: forwarded text, and actions in brackets. */
function run(...pieces: string[]): string {
  let state = startEscapes(tilde);
  let all = '';
  for (const piece of pieces) {
    for (let left: Uint8Array = Buffer.from(piece, 'latin1'); left.length > 0; ) {
      const result = processEscapes(state, left);
      state = result.state;
      left = result.rest;
      for (const item of result.output) {
        all += item.kind === 'forward' ? Buffer.from(item.bytes).toString('latin1') : `[${item.action}]`;
      }
    }
  }
  return all;
}

test('every escape is recognised at the start of a line', () => {
  for (const row of escapes) assert.equal(run(`ls\r~${String.fromCharCode(row.byte)}x`), `ls\r[${row.action}]x`);
});

test('the start of the session counts as a line, its middle does not', () => {
  assert.equal(run('~.'), '[leave]');
  assert.equal(run('a~.'), 'a~.');
  assert.equal(run('a\n~.'), 'a\n[leave]');
  assert.equal(run('a\r~.'), 'a\r[leave]');
});

test('~~ is one ~, ~x is itself, and escapes may follow each other', () => {
  assert.equal(run('~~.'), '~.');
  assert.equal(run('~x'), '~x');
  assert.equal(run('~\r~.'), '~\r[leave]');
  assert.equal(run('~#~.'), '[list-connections][leave]');
  assert.equal(run('~x~.'), '~x~.');
});

test('the pieces in which keys arrive do not matter', () => {
  const keys = fc.array(fc.constantFrom('~', '.', '\r', '\n', 'a', '?', '#', '\x1a', 'R'), { maxLength: 20 });
  fc.assert(
    fc.property(keys, (typed) => {
      assert.equal(run(...typed), run(typed.join('')));
    }),
  );
});

test('what is typed behind ~C is left for the command line', () => {
  const { state, output, rest } = processEscapes(startEscapes(tilde), Buffer.from('ls\r~C-L 80:a:80\r~.'));
  assert.deepEqual(output.at(-1), { kind: 'action', action: 'command-line', label: 'C' });
  assert.equal(Buffer.from(rest).toString(), '-L 80:a:80\r~.');
  assert.deepEqual(state, startEscapes(tilde));
});

test('"none" forwards everything as the same bytes', () => {
  const input = Buffer.from('~.');
  const { output } = processEscapes(startEscapes(undefined), input);
  assert.deepEqual(output, [{ kind: 'forward', bytes: input }]);
});

test('the help names every escape, with the character in use', () => {
  const help = escapeHelp(1);
  for (const row of escapes) assert.ok(help.includes(` ^A${row.label}`), row.action);
});
