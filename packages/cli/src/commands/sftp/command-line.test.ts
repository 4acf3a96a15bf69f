/** Lines of sftp's: prefixes, commands by any of their names, flags, and what is wrong with them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCommandLine } from './command-line.ts';
import { verbs } from './verbs/table.ts';

function parsed(line: string) {
  const { command } = parseCommandLine(line);
  assert.ok(command !== undefined && 'call' in command, line);
  return { verb: command.verb.names[0], ...command.call };
}

function mistakeOf(line: string): string {
  const { command } = parseCommandLine(line);
  assert.ok(command !== undefined && 'mistake' in command, line);
  return command.mistake;
}

test('prefixes in any order, blanks and comments', () => {
  for (const line of ['-@pwd', '@-pwd', ' -@ pwd', '--@pwd']) {
    const { ignoresFailure, isSilent, command } = parseCommandLine(line);
    assert.deepEqual([ignoresFailure, isSilent, command !== undefined], [true, true, true], line);
  }
  for (const line of ['', '  \t', '# pwd', '-# pwd', '@'])
    assert.equal(parseCommandLine(line).command, undefined, line);
});

test('commands in any case and under any name; flags in any bundle, up to the first word', () => {
  assert.equal(parsed('EXIT').verb, 'bye');
  assert.equal(parsed('dir').verb, 'ls');
  assert.equal(parsed('?').verb, 'help');
  const { verb, name, flags, words } = parsed('MGet -pR -a "a b" -x');
  assert.deepEqual([verb, name, [...flags]], ['get', 'mget', ['p', 'R', 'a']]);
  assert.deepEqual(
    words.map(({ text }) => text),
    ['a b', '-x'],
  );
  assert.deepEqual(
    parsed('get -- -x').words.map(({ text }) => text),
    ['-x'],
  );
  assert.deepEqual([...parsed('ls -l1l').flags], ['1', 'l']);
});

test('the shell gets its line as it is', () => {
  assert.equal(parsed('!echo "a  b" # c').rest, 'echo "a  b" # c');
  assert.equal(parsed('!').rest, '');
  assert.equal(parsed('lls  -l "x"').rest, '-l "x"');
});

test('mistakes in the words of OpenSSH', () => {
  assert.equal(mistakeOf('foo'), 'Invalid command.');
  assert.equal(mistakeOf('ls "open'), 'Unterminated quoted argument');
  assert.equal(mistakeOf('get'), 'You must specify at least one path after a get command.');
  assert.equal(mistakeOf('mput -z x'), 'mput: Invalid flag -z');
  assert.equal(mistakeOf('rename a'), 'You must specify two paths after a rename command.');
  assert.equal(mistakeOf('chmod 8 x'), 'You must supply a numeric argument to the chmod command.');
  assert.equal(mistakeOf('chown 4294967296 x'), 'You must supply a numeric argument to the chown command.');
  assert.equal(mistakeOf('rm'), 'You must specify a path after a rm command.');
});

test('any line is a command, a mistake, or nothing', () => {
  const names = verbs.flatMap((verb) => verb.names);
  const line = fc
    .tuple(
      fc.constantFrom('', '-', '@', ' '),
      fc.constantFrom('', ...names),
      fc.string({ unit: 'binary', maxLength: 40 }),
    )
    .map(([prefix, name, rest]) => `${prefix}${name} ${rest}`);
  fc.assert(fc.property(line, (text) => typeof parseCommandLine(text).isSilent === 'boolean'));
});

test('no name belongs to two commands', () => {
  const names = verbs.flatMap((verb) => verb.names);
  assert.equal(new Set(names).size, names.length);
});
