/** Lines of .shosts: names, negation, and the signs that once let everybody in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEquivalent } from './equivalent-hosts.ts';

const ask = (text: string, user = 'ada') =>
  isEquivalent(text, { host: 'client.example', address: '192.0.2.1', user }, 'ada');

test('host and user, by name or address; without a user the account’s own', () => {
  for (const line of [
    'client.example',
    'CLIENT.example ada',
    ' 192.0.2.1\tada',
    '+client.example +ada',
    'x\n#\n\nclient.example',
  ]) {
    assert.ok(ask(line), line);
  }
  assert.ok(ask('client.example bob', 'bob'));
  for (const line of [
    'client.example bob',
    'client',
    'client.example Ada',
    'client.example ada x',
    '# client.example',
    '',
  ]) {
    assert.ok(!ask(line), line);
  }
  assert.ok(!ask('client.example', 'bob'));
});

test('a plus lets nobody in', () => {
  for (const line of ['+', '+ +', '+ ada', 'client.example +', '+@all', '@all ada', 'client.example @all', 'NO_PLUS']) {
    assert.ok(!ask(line), line);
  }
});

test('the first line about somebody decides, and a netgroup that keeps out keeps everybody out', () => {
  assert.ok(!ask('-client.example\nclient.example ada'));
  assert.ok(!ask('client.example -ada\nclient.example ada'));
  assert.ok(ask('client.example ada\n-client.example'));
  assert.ok(ask('client.example -bob\nclient.example ada'));
  assert.ok(!ask('-@bad\nclient.example ada'));
});
