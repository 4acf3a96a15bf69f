/** The remote command: flags, and paths as a shell reads them. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { formatScpCommand, quoteForShell } from './command.ts';

const command = (
  ...[options, path, reading]: [Parameters<typeof formatScpCommand>[0], string, 'literal' | 'wildcards' | 'shell']
) => formatScpCommand(options, Buffer.from(path), reading).toString();

test('flags come in OpenSSH’s order, and no path is a flag', () => {
  assert.equal(command({ role: 'source' }, 'a', 'literal'), 'scp -f a');
  const all = { role: 'sink', recursive: true, preserve: true, targetIsFolder: true, verbose: true } as const;
  assert.equal(command(all, '-x', 'shell'), 'scp -v -r -p -d -t -- -x');
  assert.throws(() => command({ role: 'sink' }, 'a\0b', 'shell'), SshError);
});

test('what the shell gets to see', () => {
  assert.equal(command({ role: 'source' }, '~/a b$(id)*', 'shell'), 'scp -f ~/a b$(id)*');
  assert.equal(command({ role: 'source' }, '~/a b$(id)*', 'literal'), 'scp -f \\~/a\\ b\\$\\(id\\)\\*');
  assert.equal(command({ role: 'source' }, '~me/a b;[!a-c]?{x,y}*', 'wildcards'), 'scp -f ~me/a\\ b\\;[!a-c]?{x,y}*');
  assert.equal(command({ role: 'source' }, '~$x\\*\\ ', 'wildcards'), 'scp -f \\~\\$x\\*\\ ');
  assert.equal(command({ role: 'sink' }, '', 'literal'), "scp -t ''");
});

test('property: sh reads back the very bytes', { skip: process.platform === 'win32' && 'there is no sh' }, () => {
  const path = fc.string({
    unit: fc.constantFrom(...Array.from(`a/~ \t\n'"\\$\`*?[]{},;&|<>()!#^=%-é文`)),
    maxLength: 12,
  });
  const paths = fc.sample(path, { numRuns: 200, seed: 7 }).filter((text) => text !== '');
  const words = paths.map((text) => quoteForShell(Buffer.from(text), 'literal').toString()).join(' ');
  const script = `for word in ${words}; do printf '%s\\0' "$word"; done`;
  const read = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8', cwd: '/' }).split('\0').slice(0, -1);
  assert.deepEqual(read, paths);
  assert.ok(paths.length > 100);
});
