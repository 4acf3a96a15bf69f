import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultAlgorithms } from '@nacre/ssh/transport';
import { chooseAlgorithms, chooseHostKeyAlgorithms, chooseSignatureAlgorithms } from './algorithms.ts';
import { Log } from './log.ts';

const log = new Log('QUIET');
const spec = (keyword: string, text: string) => ({ keyword, text, place: { file: 'config', line: 3 } });
const ciphers = (text: string) => chooseAlgorithms({ ciphers: spec('ciphers', text) }, log).cipher;
const defaults = defaultAlgorithms('client');

test('nothing configured leaves every default', () => {
  assert.deepEqual(chooseAlgorithms({}, log), {});
  assert.deepEqual(chooseHostKeyAlgorithms({}, log), { names: undefined, mayReorder: true });
  assert.equal(chooseSignatureAlgorithms({}, log), undefined);
});

test('plain lists, +, -, ^ and wildcards', () => {
  assert.deepEqual(ciphers('aes256-ctr,aes128-ctr'), ['aes256-ctr', 'aes128-ctr']);
  assert.deepEqual(ciphers('+3des-cbc'), [...defaults.cipher, '3des-cbc']);
  assert.deepEqual(ciphers('+aes128-ctr'), defaults.cipher);
  assert.deepEqual(
    ciphers('-*gcm*,chacha*'),
    defaults.cipher.filter((name) => name.endsWith('-ctr')),
  );
  assert.deepEqual(ciphers('^aes128-c?r')?.[0], 'aes128-ctr');
  assert.equal(ciphers('^aes128-c?r')?.length, defaults.cipher.length);
  assert.deepEqual(ciphers('aes*-cbc'), ['aes256-cbc', 'aes192-cbc', 'aes128-cbc']);
});

test('legacy algorithms are there when they are named', () => {
  const kex = chooseAlgorithms({ kexAlgorithms: spec('kexalgorithms', '+diffie-hellman-group1-sha1') }, log).kex;
  assert.equal(kex?.at(-1), 'diffie-hellman-group1-sha1');
  const hostKey = chooseHostKeyAlgorithms({ hostKeyAlgorithms: spec('hostkeyalgorithms', '+ssh-rsa') }, log);
  assert.deepEqual([hostKey.names?.at(-1), hostKey.mayReorder], ['ssh-rsa', true]);
});

test('a name that nobody knows is an error, one that OpenSSH knows is left out', () => {
  assert.throws(() => ciphers('aes256-ctr,nonsense'), /config line 3: Bad SSH2 cipher spec 'aes256-ctr,nonsense'\./);
  assert.throws(() => ciphers('+nonsense'), /Bad SSH2 cipher spec/);
  assert.deepEqual(ciphers('-nonsense'), defaults.cipher);
  const macs = (text: string) => chooseAlgorithms({ macs: spec('macs', text) }, log).mac;
  assert.deepEqual(macs('umac-128-etm@openssh.com,hmac-sha2-512'), ['hmac-sha2-512']);
  assert.throws(() => macs('umac-64@openssh.com'), /no algorithm is left/);
  const keyTypes = spec('pubkeyacceptedalgorithms', 'ssh-foo');
  assert.throws(
    () => chooseSignatureAlgorithms({ pubkeyAcceptedAlgorithms: keyTypes }, log),
    /Bad key types 'ssh-foo'\./,
  );
});
