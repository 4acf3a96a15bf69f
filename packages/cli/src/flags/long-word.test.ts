import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeLongWord } from './long-word.ts';

const table = {
  tool: 'ssh',
  rows: [
    { letter: 'G', name: 'print', help: '' },
    { letter: 'v', name: 'verbose', help: '', repeatable: true },
    { letter: 'o', name: 'option', value: 'option', help: '' },
  ],
} as const;

test('a long word is taken only where an option may stand', () => {
  const take = (...args: string[]) => takeLongWord(table, args, '--json');
  assert.deepEqual(take('-G', '--json', 'host'), { rest: ['-G', 'host'], isThere: true });
  assert.deepEqual(take('--json', '-vv', '--json', 'host'), { rest: ['-vv', 'host'], isThere: true });
  for (const args of [
    ['-o', '--json', 'host'],
    ['host', '--json'],
    ['--', '--json'],
    ['-vo', '--json'],
    ['-z', '--json'],
    ['--jsonx'],
    [],
  ]) {
    assert.deepEqual(take(...args), { rest: args, isThere: false }, args.join(' '));
  }
});
