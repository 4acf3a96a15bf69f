/** What is appended to an authorized_keys file, and what goes to the remote shell in place of arguments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addLines } from './install-sftp.ts';
import { type Addition, readReport, remoteCommand, remoteInput } from './remote-script.ts';

const one: Addition = { unless: 'key', keyText: 'AAAAone', line: 'ssh-ed25519 AAAAone a comment' };
const two: Addition = { unless: 'key', keyText: 'AAAAtwo', line: 'ssh-ed25519 AAAAtwo' };

test('lines go behind what is there, an open last line is ended first', () => {
  assert.deepEqual(addLines('', [one, two]), { outcomes: ['added', 'added'], text: `${one.line}\n${two.line}\n` });
  assert.equal(addLines('# x', [one]).text, `\n${one.line}\n`);
  assert.equal(addLines('# x\n', [one]).text, `${one.line}\n`);
  assert.equal(addLines('x', []).text, '');
});

test('a key that is there is not added: under options, with tabs, twice in one go; one in a comment is not there', () => {
  const present = ['ssh-ed25519 AAAAone', 'from="a b",no-pty ssh-ed25519\tAAAAone other', ' \tssh-ed25519  AAAAone\r'];
  for (const line of present) {
    assert.deepEqual(addLines(`x\n${line}`, [one]), { outcomes: ['present'], text: '' });
    // -f looks for the very line.
    assert.deepEqual(addLines(`x\n${line}\n`, [{ ...one, unless: 'line' }]).outcomes, ['added']);
  }
  assert.deepEqual(addLines(`${one.line}\n`, [{ ...one, unless: 'line' }]).outcomes, ['present']);
  for (const line of ['#ssh-ed25519 AAAAone', '  # ssh-ed25519 AAAAone', 'ssh-ed25519 xAAAAone', '']) {
    assert.deepEqual(addLines(`${line}\n`, [one]).outcomes, ['added'], line);
  }
  assert.deepEqual(addLines('', [one, two, one]).outcomes, ['added', 'added', 'present']);
});

test('what is there stays as it is, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii' }), (before) => {
      const after = before + addLines(before, [one, two]).text;
      assert.ok(after.startsWith(before));
      const lines = after.split('\n');
      for (const { line, keyText } of [one, two]) assert.ok(lines.includes(line) || before.includes(keyText));
    }),
  );
});

test('the command holds nothing that a login shell of any kind would take for its own', () => {
  const command = remoteCommand({ trace: true });
  const [, script = ''] = /^exec sh -c '(.*)'$/s.exec(command) ?? [];
  assert.doesNotMatch(script, /['!\r\n]/);
  assert.ok(script.startsWith('set -x; '));
});

test('path and keys go over stdin, a line each', () => {
  const additions = [one, { ...two, unless: 'line' as const, line: 'ssh-ed25519 AAAAtwo \xe9' }];
  assert.deepEqual(
    remoteInput('~/é f', additions),
    Buffer.concat([
      Buffer.from(`é f\nkey AAAAone ${one.line}\n`),
      Buffer.from('line AAAAtwo ssh-ed25519 AAAAtwo \xe9\n', 'latin1'),
    ]),
  );
  assert.equal(remoteInput(undefined, []).toString(), '\n');
  assert.equal(remoteInput('-x', []).toString(), './-x\n');
});

test('reports are told from what a login shell prints', () => {
  const output = Buffer.from(
    'welcome\nssh-copy-id=added\n ssh-copy-id=added\nssh-copy-id=present\nssh-copy-id=done\nbye',
  );
  assert.deepEqual(readReport(output), {
    outcomes: ['added', 'present'],
    isDone: true,
    other: 'welcome\n ssh-copy-id=added\nbye',
  });
  assert.deepEqual(readReport(Buffer.from('')), { outcomes: [], isDone: false, other: '' });
});
