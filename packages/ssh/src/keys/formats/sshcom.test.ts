import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { WireWriter } from '../../wire/index.ts';
import { formatPrivateKey, isEncrypted, parsePrivateKey } from '../key-file.ts';
import { generateKey } from '../private-key.ts';

const begin = '---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----';
const end = '---- END SSH2 ENCRYPTED PRIVATE KEY ----';
const rsaType = 'if-modn{sign{rsa-pkcs1-sha1},encrypt{rsa-pkcs1v2-oaep}}';
const key = await generateKey('ssh-rsa', { bits: 1024, comment: 'a "quoted" comment é' });

function file(type: string, cipher: string, body: Uint8Array, magic = 0x3f6ff9eb): Buffer {
  const bytes = new WireWriter().uint32(magic).uint32(0).string(type).string(cipher).string(body).finish();
  return Buffer.from(`${begin}\n${bytes.toString('base64').replace(/.{70}/g, '$&\n')}\n${end}\n`);
}

async function refusal(bytes: Uint8Array, passphrase?: string): Promise<SshError> {
  const options = passphrase === undefined ? {} : { passphrase };
  const error = await parsePrivateKey(bytes, options).then(
    () => assert.fail('the file was taken'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SshError, String(error));
  return error;
}

test('comes back as it went in, open and encrypted, with its comment', async () => {
  for (const passphrase of ['', 'pass phrase']) {
    const text = Buffer.from(await formatPrivateKey(key, 'sshcom', { passphrase }));
    assert.equal(isEncrypted(text), passphrase !== '');
    const again = await parsePrivateKey(text, { passphrase });
    assert.ok(again.publicKey.equals(key.publicKey));
    assert.equal(again.comment, key.comment);
    const signature = await again.sign(Buffer.from('x'), 'rsa-sha2-256');
    assert.ok(key.publicKey.verify(Buffer.from('x'), signature, 'rsa-sha2-256'));
  }
});

test('a long comment is folded and read back', async () => {
  const comment = 'word '.repeat(60).trim();
  const text = await formatPrivateKey(key, 'sshcom', { comment });
  assert.ok(text.split('\n').every((line) => line.length <= 72));
  assert.equal((await parsePrivateKey(Buffer.from(text))).comment, comment);
  // A line break in a comment would begin another header, or the key.
  const broken = await formatPrivateKey(key, 'sshcom', { comment: 'a\nSubject: b' });
  assert.equal((await parsePrivateKey(Buffer.from(broken))).comment, 'a Subject: b');
});

test('wrong passphrases and none are told apart from damage', async () => {
  const text = Buffer.from(await formatPrivateKey(key, 'sshcom', { passphrase: 'right' }));
  assert.equal((await refusal(text, 'wrong')).code, 'bad-passphrase');
  assert.equal((await refusal(text, '')).code, 'bad-passphrase');
  assert.match((await refusal(text)).message, /no passphrase was given/);
});

test('DSA, unknown types, ciphers and magics are refused by name', async () => {
  const dsa = await refusal(file('dl-modp{sign{dsa-nist-sha1},dh{plain}}', 'none', Buffer.alloc(8)));
  assert.equal(dsa.code, 'unsupported');
  assert.match(dsa.message, /DSA/);
  assert.equal((await refusal(file('ec-modp{x}', 'none', Buffer.alloc(8)))).code, 'unsupported');
  assert.match((await refusal(file(rsaType, 'des-cbc', Buffer.alloc(8)))).message, /des-cbc/);
  assert.match((await refusal(file(rsaType, 'none', Buffer.alloc(8), 1))).message, /3f6ff9eb/);
  assert.match((await refusal(file(rsaType, '3des-cbc', Buffer.alloc(9)), 'x')).message, /no multiple of 8/);
});

test('other key types cannot be written', async () => {
  await assert.rejects(formatPrivateKey(await generateKey('ssh-ed25519'), 'sshcom'), { code: 'unsupported' });
});

test('numbers that do not belong together, are giant, or are followed by others are refused', async () => {
  const giant = new WireWriter().uint32(0xffffffff).finish();
  assert.match((await refusal(file(rsaType, 'none', new WireWriter().string(giant).finish()))).message, /bits/);
  const text = (await formatPrivateKey(key, 'sshcom', { comment: '' })).split('\n');
  const bytes = Buffer.from(text.slice(1, -2).join(''), 'base64');
  for (let at = bytes.length - 200; at < bytes.length; at += 7) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] as number) ^ 0x10;
    const lines = changed.toString('base64').replace(/.{70}/g, '$&\n');
    assert.equal((await refusal(Buffer.from(`${begin}\n${lines}\n${end}\n`))).code, 'bad-key', `byte ${at}`);
  }
});

test('every cut gives an SshError', async () => {
  const text = await formatPrivateKey(key, 'sshcom');
  for (let length = 0; length < text.length - 2; length += 11) await refusal(Buffer.from(text.slice(0, length)));
});
