import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDestination } from './destination.ts';

test('names, users, addresses', () => {
  assert.deepEqual(parseDestination('host'), { host: 'host' });
  assert.deepEqual(parseDestination('ada@host'), { user: 'ada', host: 'host' });
  assert.deepEqual(parseDestination('ada@corp@host'), { user: 'ada@corp', host: 'host' });
  assert.deepEqual(parseDestination('::1'), { host: '::1' });
  assert.deepEqual(parseDestination('ssh://host'), { host: 'host' });
  assert.deepEqual(parseDestination('ssh://a%40b;x=y@[::1]:22/'), { user: 'a@b', host: '::1', port: 22 });
  assert.deepEqual(parseDestination('ssh://host:2222'), { host: 'host', port: 2222 });
});

test('what a shell or a program might take for something else is no destination', () => {
  for (const text of [
    '',
    '@host',
    '-oProxyCommand=x',
    'a@-x',
    '-a@x',
    'a;b',
    'x`id`',
    'a b',
    'h$(x)',
    'a|b@h',
    'x\n',
  ]) {
    assert.equal(parseDestination(text), undefined, JSON.stringify(text));
  }
  for (const text of ['ssh://', 'ssh://h:0', 'ssh://h:99999', 'ssh://h/path', 'ssh://%zz@h', 'ssh://@h', 'ssh://h:x']) {
    assert.equal(parseDestination(text), undefined, text);
  }
});
