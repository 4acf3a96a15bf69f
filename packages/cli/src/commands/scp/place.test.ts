/** Sources and targets: what OpenSSH's scp takes for a host, and what for a file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPlainUser, parsePlace } from './place.ts';

const remote = (host: string, path: string, user?: string, port?: number) => ({ remote: { user, host, port, path } });

test('a colon makes a host, unless a slash comes first', () => {
  assert.deepEqual(parsePlace('host:file'), remote('host', 'file'));
  assert.deepEqual(parsePlace('me@host:/a:b'), remote('host', '/a:b', 'me'));
  assert.deepEqual(parsePlace('a@b@host:x'), remote('host', 'x', 'a@b'));
  assert.deepEqual(parsePlace('host:'), remote('host', '.'));
  assert.deepEqual(parsePlace('@host:x'), remote('host', 'x'));
  for (const text of ['file', './a:b', '/a:b', ':a', 'd/a:b', '']) assert.deepEqual(parsePlace(text), { local: text });
});

test('addresses in brackets', () => {
  assert.deepEqual(parsePlace('[::1]:x'), remote('::1', 'x'));
  assert.deepEqual(parsePlace('me@[fe80::1%lo]:x'), remote('fe80::1%lo', 'x', 'me'));
  assert.deepEqual(parsePlace('[host]:x'), remote('host', 'x'));
  assert.deepEqual(parsePlace('[::1'), { local: '[::1' });
});

test('addresses of the scheme scp', () => {
  assert.deepEqual(parsePlace('scp://host'), remote('host', '.'));
  assert.deepEqual(parsePlace('scp://host/'), remote('host', '.'));
  assert.deepEqual(parsePlace('scp://me@host:22/a%20b'), remote('host', 'a b', 'me', 22));
  assert.deepEqual(parsePlace('scp://host//etc/x'), remote('host', '/etc/x'));
  assert.deepEqual(parsePlace('scp://m%40e;x=y@[::1]:7/x'), remote('::1', 'x', 'm@e', 7));
  for (const bad of ['', '/x', '@h/x', 'h:/x', 'h:0/x', 'h:99999', 'h/%zz', 'a@b@h/x', '-h/x', 'h%41/x', 'h h/x']) {
    assert.deepEqual(parsePlace(`scp://${bad}`), { bad: 'uri' }, bad);
  }
});

test('names of users that a shell might take for more', () => {
  for (const user of ['me', 'a.b@c', 'DOMAIN\\me']) assert.equal(isPlainUser(user), true, user);
  for (const user of ["o'c", 'a b', 'a`b', 'a"b', 'a#b', 'é', '\u{1f600}'])
    assert.equal(isPlainUser(user), false, user);
});
