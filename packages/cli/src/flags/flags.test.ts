/** Flags by table: kinds of results, OpenSSH's re-entry after the host, the usage errors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { formatHelp, formatUsage, parseFlags, parseKeyValue } from './index.ts';

const ssh = {
  tool: 'ssh',
  rows: [
    { letter: '4', name: 'ipv4', help: 'Use IPv4.' },
    { letter: 't', name: 'terminal', repeatable: true, help: 'Ask for a terminal.' },
    { letter: 'p', name: 'port', value: 'port', help: 'Connect to this port.' },
    { letter: 'o', name: 'options', value: 'option', repeatable: true, help: 'Set a keyword.' },
  ],
  operands: 'destination [command [argument ...]]',
  flagsAfterOperands: 'after-first',
} as const;

test('values are the last, lists, counts and booleans', () => {
  const { flags, operands, ordered } = parseFlags(ssh, ['-4ttp22', '-oA=b', '-p', '23', '-o', 'C d', 'host', 'ls']);
  assert.deepEqual(flags, { ipv4: true, terminal: 2, port: '23', options: ['A=b', 'C d'] });
  assert.deepEqual(operands, ['host', 'ls']);
  assert.deepEqual(
    ordered.map((flag) => flag.name),
    ['ipv4', 'terminal', 'terminal', 'port', 'options', 'port', 'options'],
  );
  const none = parseFlags(ssh, []);
  assert.deepEqual(none.flags, { ipv4: false, terminal: 0, port: undefined, options: [] });
});

test('options go on after the host and stop at the command', () => {
  const parsed = parseFlags(ssh, ['-4', 'host', '-p', '5', 'ls', '-t', '-z']);
  assert.equal(parsed.flags.port, '5');
  assert.equal(parsed.flags.terminal, 0);
  assert.deepEqual(parsed.operands, ['host', 'ls', '-t', '-z']);
});

test('-- ends the options: before the host for good, after it before the command', () => {
  assert.deepEqual(parseFlags(ssh, ['--', 'host', '-t']).operands, ['host', '-t']);
  const after = parseFlags(ssh, ['host', '-t', '--', '-4', 'x']);
  assert.deepEqual(after.operands, ['host', '-4', 'x']);
  assert.equal(after.terminated, true);
});

test('the other two ways to mix', () => {
  const rows = ssh.rows;
  assert.deepEqual(parseFlags({ tool: 'x', rows }, ['a', '-t']).operands, ['a', '-t']);
  const anywhere = parseFlags({ tool: 'x', rows, flagsAfterOperands: 'anywhere' }, ['a', '-t', 'b', '-4', '--', '-t']);
  assert.deepEqual(anywhere.operands, ['a', 'b', '-t']);
  assert.equal(anywhere.flags.terminal, 1);
});

test('a wrong option is one usage error in OpenSSH words', () => {
  const failing = (args: string[]): SshError => {
    try {
      parseFlags(ssh, args);
    } catch (error) {
      assert.ok(error instanceof SshError);
      return error;
    }
    throw new assert.AssertionError({ message: 'expected a usage error' });
  };
  const error = failing(['-z']);
  assert.equal(error.code, 'misuse');
  assert.equal(error.stage, 'usage');
  assert.match(error.message, /^unknown option -- z\nusage: ssh /);
  assert.match(failing(['-p']).message, /^option requires an argument -- p\n/);
  assert.match(failing(['host', '-z']).message, /^unknown option -- z\n/);
  assert.match(failing(['--help']).message, /^unknown option -- -\n/);
});

test('usage wraps at 80 columns and help has a line a flag', () => {
  assert.equal(formatUsage(ssh), 'usage: ssh [-4t] [-p port] [-o option] destination [command [argument ...]]');
  const many = { ...ssh, rows: [...ssh.rows, ...ssh.rows, ...ssh.rows] };
  assert.ok(
    formatUsage(many)
      .split('\n')
      .every((line) => line.length < 80),
  );
  assert.match(formatHelp(ssh), /\n {2}-p port {4}Connect to this port\.\n/);
  assert.equal(formatUsage({ ...ssh, usage: 'usage: ssh host' }), 'usage: ssh host');
});

test('-o takes a keyword and a rest', () => {
  assert.deepEqual(parseKeyValue('Port=22'), { key: 'Port', value: '22' });
  assert.deepEqual(parseKeyValue(' Port = 22 '), { key: 'Port', value: '22' });
  assert.deepEqual(parseKeyValue('SetEnv A=b'), { key: 'SetEnv', value: 'A=b' });
  assert.deepEqual(parseKeyValue('ProxyCommand=nc "%h" %p'), { key: 'ProxyCommand', value: 'nc "%h" %p' });
  assert.deepEqual(parseKeyValue('Port'), { key: 'Port', value: '' });
  assert.throws(() => parseKeyValue('=x'), SshError);
  assert.throws(() => parseKeyValue(''), SshError);
});
