/** Tests of what is asked at the control socket, where it lies, and whom a selector means. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { compileSelector } from '../status/source.ts';
import { parseSelector } from '../tools/kick.ts';
import { controlFolder, controlSocketPath } from './place.ts';
import { maxRequestBytes, parseControlRequest } from './protocol.ts';

test('questions are read, and anything else is refused', () => {
  const kick = { ask: 'kick', selectors: [{ kind: 'user', user: 'ada' }], reason: 'bye' };
  assert.deepEqual(parseControlRequest(JSON.stringify(kick)), kick);
  assert.deepEqual(parseControlRequest('{"ask":"status","more":1}'), { ask: 'status' });
  const bad = [
    '',
    'null',
    '[]',
    '{',
    '{"ask":"stop"}',
    '{"ask":"kick"}',
    JSON.stringify({ ...kick, selectors: [] }),
    JSON.stringify({ ...kick, selectors: Array(101).fill(kick.selectors[0]) }),
    JSON.stringify({ ...kick, selectors: [{ kind: 'all' }] }),
    JSON.stringify({ ...kick, selectors: [{ kind: 'socket', address: '1.2.3.4', port: 1 }] }),
    JSON.stringify({ ...kick, selectors: [{ kind: 'address', address: '1.2.3.4/33' }] }),
    JSON.stringify({ ...kick, selectors: [{ kind: 'connection', id: 0.5 }] }),
    JSON.stringify({ ...kick, reason: 'a\nb' }),
    JSON.stringify({ ...kick, reason: 'x'.repeat(201) }),
    '{"ask":"health","address":"host","port":1}',
    '{"ask":"health","address":"::1","port":70000}',
    `{"ask":"status","x":"${'x'.repeat(maxRequestBytes)}"}`,
  ];
  for (const line of bad) assert.throws(() => parseControlRequest(line), SshError, line.slice(0, 80));
});

test('selectors mean users, addresses, networks and numbers', () => {
  const connection = { id: 17, user: 'ada', address: '192.0.2.7', port: 5 };
  const fits = (word: string, other = connection) => compileSelector(parseSelector(word))(other);
  for (const word of ['ada', 'user:ada', '192.0.2.7', '192.0.2.0/24', '17', 'connection:17', 'address:192.0.2.7']) {
    assert.ok(fits(word), word);
  }
  for (const word of ['bob', 'user:17', '192.0.2.8', '192.0.3.0/24', '1', '::/0', 'user:192.0.2.7']) {
    assert.ok(!fits(word), word);
  }
  assert.ok(fits('2001:db8::/32', { ...connection, address: '2001:db8::1' }));
});

test('servers on different addresses or ports have sockets of their own', () => {
  const of = (host: string | undefined, port: number[], controlSocket: string | undefined = 'default') =>
    controlSocketPath({ controlSocket, port, listenAddress: host === undefined ? [] : [{ host, port: undefined }] });
  const paths = [
    of(undefined, []),
    of(undefined, [2222]),
    of('127.0.0.1', [2222]),
    of('::1', [2222]),
    of('a/../b', [1]),
  ];
  assert.equal(new Set(paths).size, paths.length);
  for (const path of paths) assert.match(path ?? '', new RegExp(`^${controlFolder()}/[^/]+\\.sock$`));
  assert.equal(of(undefined, [], '/x'), '/x');
  assert.equal(controlSocketPath({ controlSocket: undefined, port: [], listenAddress: [] }), undefined);
});
