import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { expandPath, expandTokens, tokenValues } from './tokens.ts';

const facts = { originalHost: 'box', host: 'box.example', port: 22, user: 'ada', localUser: 'me', home: '/home/me' };
const values = tokenValues({ ...facts, hostKeyAlias: 'alias' });

test('each token', () => {
  assert.equal(
    expandTokens('%h %n %p %r %u %d %k %% %L', values, 'X').replace(/ \S+$/, ''),
    'box.example box 22 ada me /home/me alias %',
  );
  const hashed = createHash('sha1').update(`${hostname()}box.example22ada`).digest('hex');
  assert.equal(expandTokens('%C', values, 'X'), hashed);
});

test('an unknown one is an error', () => {
  assert.throws(() => expandTokens('a%z', values, 'IdentityFile'), /IdentityFile: unknown key %z/);
  assert.throws(() => expandTokens('a%', values, 'IdentityFile'), /unknown key %/);
});

test('paths: home and variables', () => {
  process.env.NACRE_TOKEN_TEST = 'value';
  assert.equal(expandPath(`~/.ssh/\${NACRE_TOKEN_TEST}-%r`, values, '/home/me', 'X'), '/home/me/.ssh/value-ada');
  assert.equal(expandPath('~root/x', values, '/home/me', 'X'), '~root/x');
  assert.throws(() => expandPath(`\${NACRE_NO_SUCH}`, values, '/', 'X'), /has no value/);
});
