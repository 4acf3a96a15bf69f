/** ssh-copy-id's arguments: `-i` and its optional file as the script of OpenSSH 10 reads it, and what is a mistake. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { readOptions } from './flags.ts';

const isKey = (path: string) => path.endsWith('.pub');
const read = (...args: string[]) => readOptions(args, isKey);

function mistakeOf(...args: string[]): string {
  try {
    read(...args);
  } catch (error) {
    assert.ok(error instanceof SshError);
    assert.deepEqual([error.code, error.stage], ['misuse', 'usage']);
    assert.match(error.message, /Usage: ssh-copy-id /);
    return error.message;
  }
  throw new assert.AssertionError({ message: `${args.join(' ')} was taken` });
}

test('every flag', () => {
  const args = [
    '-fnsx',
    '-i',
    'id',
    '-t',
    'a b',
    '-Fconf',
    '-o',
    'A=b',
    '-oC=d',
    '-p22',
    '--expires',
    '+1d',
    'ada@host',
  ];
  assert.deepEqual(pick(read(...args)), {
    force: true,
    dryRun: true,
    sftp: true,
    trace: true,
    identity: 'id',
    target: 'a b',
    configFile: 'conf',
    options: ['A=b', 'C=d'],
    port: '22',
    expires: '+1d',
    destination: 'ada@host',
  });
  assert.deepEqual(pick(read('host')), {
    force: false,
    dryRun: false,
    sftp: false,
    trace: false,
    identity: undefined,
    target: undefined,
    configFile: undefined,
    options: [],
    port: undefined,
    expires: undefined,
    destination: 'host',
  });
});

function pick(options: ReturnType<typeof read>) {
  const { force, dryRun, sftp, trace, identity, target, configFile, port, expires, destination } = options;
  return {
    force,
    dryRun,
    sftp,
    trace,
    identity,
    target,
    configFile,
    options: options.options,
    port,
    expires,
    destination,
  };
}

test('-i takes a file where one can be meant', () => {
  const cases: [string[], string | undefined, string][] = [
    [['-i', 'host'], '', 'host'],
    [['-i', 'id', 'host'], 'id', 'host'],
    [['-iid', 'host'], 'id', 'host'],
    [['-i', '-p', '22', 'host'], '', 'host'],
    [['-fi', 'id', 'host'], 'id', 'host'],
    [['-i', '--', 'x.pub'], '', 'x.pub'],
    [['-i', 'id', '--', '-host'], 'id', '-host'],
    [['-p', '22', '-i', 'id', '--expires=+1d', 'host'], 'id', 'host'],
    [['-p', '-i', 'host'], undefined, 'host'],
    [['-i', '', 'host'], '', 'host'],
  ];
  for (const [args, identity, destination] of cases) {
    const options = read(...args);
    assert.deepEqual([options.identity, options.destination], [identity, destination], args.join(' '));
  }
});

test('mistakes are told in the script’s words, with the usage', () => {
  assert.match(mistakeOf(), /^Usage: /);
  assert.match(mistakeOf('-h', 'host'), /^Usage: /);
  assert.match(mistakeOf('-?'), /^Usage: /);
  assert.match(mistakeOf('-z', 'host'), /^unknown option -- z\n/);
  assert.match(mistakeOf('-p'), /^option requires an argument -- p\n/);
  assert.match(mistakeOf('--expires'), /^option requires an argument -- expires\n/);
  assert.match(mistakeOf('a', 'b'), /ERROR: Too many arguments\. {2}Expecting a target hostname, got: a b\n/);
  assert.match(mistakeOf('-i', 'a', '-i', 'b', 'host'), /ERROR: -i option must not be specified more than once\n/);
  assert.match(mistakeOf('-i', 'x.pub'), /ERROR: Missing hostname\. Use "-i -- x\.pub" if you really mean to use this/);
  for (const target of ['', 'folder/', 'two\nlines', 'a\0b'])
    assert.match(mistakeOf('-t', target, 'host'), /ERROR: -t takes/);
});
