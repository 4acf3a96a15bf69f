import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { parsePublicKey } from './key-file.ts';
import { generateKey } from './private-key.ts';
import { decodeSshfp, encodeSshfp, formatSshfp, matchSshfp, parseSshfp, sshfpRecord } from './sshfp.ts';

/** From ssh-keygen -r. */
const { key } = parsePublicKey('ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPenEGuqGNoMOcwfeaTst13ZSzfnGNkuBSwkOCzMlqQn');
const sha1 = '57b87d489e0cbdbd30150049a60859490e6bbf99';
const sha256 = '4c133259599db13cc427e21bd52470dcf2db34802c272d252dd855bc0fe994bc';

test('formats as ssh-keygen -r and -g do', () => {
  assert.equal(formatSshfp('host', key), `host IN SSHFP 4 1 ${sha1}\nhost IN SSHFP 4 2 ${sha256}\n`);
  assert.equal(formatSshfp('h.', key, { hashes: ['sha256'] }), `h. IN SSHFP 4 2 ${sha256}\n`);
  assert.equal(
    formatSshfp('host', key, { generic: true }),
    `host IN TYPE44 \\# 22 04 01 ${sha1}\nhost IN TYPE44 \\# 34 04 02 ${sha256}\n`,
  );
});

test('a name that would not stay one word is refused', () => {
  for (const name of ['', 'a b', 'a\nb', 'a;b', 'a"b']) {
    assert.throws(() => formatSshfp(name, key), { code: 'misuse' }, JSON.stringify(name));
  }
});

test('reads zone lines in the forms that name servers write', () => {
  const expected = { host: 'host.', algorithm: 4, hashType: 2, fingerprint: Buffer.from(sha256, 'hex') };
  for (const line of [
    `host. IN SSHFP 4 2 ${sha256}`,
    `host. 3600 IN SSHFP 4 2 ${sha256.toUpperCase()} ; comment`,
    `host.\tIN 1h sshfp 4 2 ( ${sha256.slice(0, 56)}\n ${sha256.slice(56)} )`,
    `host. SSHFP 4 2 ${sha256}`,
    `host. IN TYPE44 \\# 34 04 02 ${sha256}`,
    `host. TYPE44 \\# 34 0402${sha256}`,
  ]) {
    assert.deepEqual(parseSshfp(line), expected, line);
  }
});

test('whatever is no such line is an SshError', () => {
  for (const line of [
    '',
    'host.',
    'host. IN',
    'host. IN A 127.0.0.1',
    'host. IN SSHFP',
    'host. IN SSHFP 4 2',
    `host. IN SSHFP 256 2 ${sha256}`,
    `host. IN SSHFP x 2 ${sha256}`,
    `host. IN SSHFP 4 2 ${sha1}`,
    `host. IN SSHFP 4 1 ${sha256}`,
    `host. IN SSHFP 4 2 ${sha256}0`,
    'host. IN SSHFP 4 2 zz',
    `host. IN TYPE44 \\# 33 0402${sha256}`,
    `host. IN TYPE44 34 0402${sha256}`,
    'host. IN TYPE44 \\# 1 04',
    'x'.repeat(300_000),
  ]) {
    assert.throws(() => parseSshfp(line), SshError, line.slice(0, 60));
  }
  assert.throws(() => decodeSshfp(Buffer.alloc(0)), SshError);
  assert.throws(() => decodeSshfp(Buffer.of(4, 9)), SshError);
});

test('data comes back as it went in, also of kinds that are not known', () => {
  const record = sshfpRecord(key, 'sha1');
  assert.deepEqual(decodeSshfp(encodeSshfp(record)), record);
  assert.deepEqual(decodeSshfp(Buffer.of(6, 9, 1, 2)), { algorithm: 6, hashType: 9, fingerprint: Buffer.of(1, 2) });
});

test('a key matches, mismatches, or is absent', async () => {
  const other = (await generateKey('ssh-ed25519')).publicKey;
  const rsa = (await generateKey('ssh-rsa', { bits: 1024 })).publicKey;
  const [weak, strong] = [sshfpRecord(key, 'sha1'), sshfpRecord(key, 'sha256')];
  const foreign = sshfpRecord(other, 'sha256');
  assert.equal(matchSshfp([weak, strong], key), 'match');
  assert.equal(matchSshfp([weak], key), 'match');
  assert.equal(matchSshfp([], key), 'absent');
  assert.equal(matchSshfp([weak, strong], rsa), 'absent');
  assert.equal(matchSshfp([{ ...strong, hashType: 9 }], key), 'absent');
  assert.equal(matchSshfp([foreign], key), 'mismatch');
  // Whoever can add a record cannot add a key.
  assert.equal(matchSshfp([strong, foreign], key), 'mismatch');
  assert.equal(matchSshfp([strong, foreign], other), 'mismatch');
  // A SHA-1 collision does not help where there is a SHA-256 record.
  assert.equal(matchSshfp([sshfpRecord(other, 'sha1'), strong], other), 'mismatch');
  assert.equal(matchSshfp([sshfpRecord(other, 'sha1'), strong], key), 'match');
});

test('types without a number are refused', () => {
  const type = 'sk-ssh-ed25519@openssh.com';
  const token = parsePublicKey(
    `${type} AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIPenEGuqGNoMOcwfeaTst13ZSzfnGNkuBSwkOCzMlqQnAAAABHNzaDo=`,
  ).key;
  assert.throws(() => formatSshfp('host', token), { code: 'unsupported' });
  assert.equal(matchSshfp([sshfpRecord(key, 'sha256')], token), 'absent');
});
