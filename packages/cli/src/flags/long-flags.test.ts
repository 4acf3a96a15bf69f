import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeLongFlags } from './long-flags.ts';

const table = {
  tool: 'x',
  rows: [
    { letter: 'v', name: 'verbose', help: 'Say more.' },
    { letter: 'O', name: 'command', value: 'command', help: 'Do this.' },
  ],
} as const;

function take(...args: string[]): [string, boolean] {
  const { rest, found } = takeLongFlags(table, args, ['json']);
  return [rest.join(' '), found.has('json')];
}

test('a long flag is taken where a flag may stand', () => {
  assert.deepEqual(take('--json', '-O', 'conninfo', 'host'), ['-O conninfo host', true]);
  assert.deepEqual(take('-vO', 'conninfo', '--json', 'host', 'command'), ['-vO conninfo host command', true]);
  assert.deepEqual(take('host', '-v', '--json', '-O', 'x', '--json'), ['host -v -O x', true]);
});

test('a value, a command, words behind -- and what is unknown stay', () => {
  for (const args of [
    ['-O', '--json', 'host'],
    ['host', 'command', '--json'],
    ['--', 'host', '--json'],
    ['host', '--', '--json'],
    ['--jsonx', 'host'],
    ['-v-', '--json'],
    ['-z', '--json', 'host'],
    ['-O'],
    [],
  ]) {
    assert.deepEqual(take(...args), [args.join(' '), false]);
  }
});
