/** Places as they are typed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePlace } from './place.ts';

test('local paths, hosts with paths, addresses', () => {
  const local = (path: string) => ({ kind: 'local', path });
  const remote = (destination: string, path: string, port?: number) => ({ kind: 'remote', destination, path, port });
  for (const [text, expected] of [
    ['dir', local('dir')],
    ['./a:b', local('./a:b')],
    ['/a:b', local('/a:b')],
    [':a', local(':a')],
    ['host:', remote('host', '')],
    ['host:a:b', remote('host', 'a:b')],
    ['me@host:/srv', remote('me@host', '/srv')],
    ['me@[::1]:x', remote('me@::1', 'x')],
    ['[fe80::1%eth0]:', remote('fe80::1%eth0', '')],
    ['sftp://host', remote('host', '')],
    ['sftp://me@host:2222/a%20b', remote('me@host', 'a b', 2222)],
    ['sftp://host//srv/x', remote('host', '/srv/x')],
    ['sftp://[::1]:22/x', remote('::1', 'x', 22)],
  ] as const) {
    assert.deepEqual(parsePlace(text), expected, text);
  }
});

test('what is no host is none: flags, commands, addresses that are broken', () => {
  for (const text of [
    '-oProxyCommand=x:y',
    'a b:c',
    '$(x):y',
    'sftp://',
    'sftp://host:99999/',
    'sftp://host/%zz',
    '@h:x',
    'h:\0',
  ]) {
    assert.equal(parsePlace(text), undefined, text);
  }
});
