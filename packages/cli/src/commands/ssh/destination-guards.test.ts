/** Destinations, and names that are none. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHostName, isUserName } from '@nacre/ssh/config';
import { parseDestination } from './destination.ts';

test('the forms of a destination', () => {
  assert.deepEqual(parseDestination('host'), { host: 'host' });
  assert.deepEqual(parseDestination('a@b@host'), { user: 'a@b', host: 'host' });
  assert.deepEqual(parseDestination('ssh://me@host:2222'), { user: 'me', host: 'host', port: 2222 });
  assert.deepEqual(parseDestination('ssh://[::1]:22/'), { host: '::1', port: 22 });
  for (const text of [
    '',
    '@host',
    'me@',
    'ssh://',
    'ssh://host:0',
    'ssh://host:65536',
    'ssh://host/path',
    'ssh://%ff@host',
  ]) {
    assert.equal(parseDestination(text), undefined, text);
  }
});

test('hostile names are refused in every form', () => {
  for (const part of [
    '`id`',
    '$(id)',
    ';id',
    '|id',
    '&id',
    "'id",
    '"id',
    '<id',
    '>id',
    '(id',
    '{id',
    '\n',
    '\0',
    '\x1b[2J',
    ' ',
  ]) {
    for (const text of [`a${part}b`, `me@a${part}b`, `ssh://a${part}b`, `ssh://me@a${part}b:22`]) {
      assert.equal(parseDestination(text), undefined, JSON.stringify(text));
    }
    assert.equal(isHostName(part), false, JSON.stringify(part));
  }
  for (const part of ['`id`', ';id', '|id', '&id', "'id", '"id', '<id', '(id', '{id', '\n', '\0', ' ']) {
    for (const text of [`a${part}b@host`, `ssh://a${encodeURIComponent(part)}b@host`]) {
      assert.equal(parseDestination(text), undefined, JSON.stringify(text));
    }
    assert.equal(isUserName(part), false, JSON.stringify(part));
  }
});

test('a name that begins with a dash is none', () => {
  for (const text of [
    '-oProxyCommand=id',
    'me@-oProxyCommand=id',
    '-l@host',
    'ssh://-oProxyCommand=id',
    'ssh://-l@host',
  ]) {
    assert.equal(parseDestination(text), undefined, text);
  }
});
