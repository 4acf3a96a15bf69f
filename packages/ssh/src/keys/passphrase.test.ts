import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatOfFile, formatPrivateKey, isEncrypted, parsePrivateKey } from './key-file.ts';
import { changePassphrase } from './passphrase.ts';
import { generateKey } from './private-key.ts';

const key = await generateKey('ecdsa-sha2-nistp256', { comment: 'mine' });
const file = Buffer.from(await formatPrivateKey(key, 'openssh', { passphrase: 'old', rounds: 1 }));

test('the new passphrase opens the file, and the old one does not', async () => {
  const text = Buffer.from(await changePassphrase(file, { old: 'old', new: 'new', rounds: 1 }));
  const again = await parsePrivateKey(text, { passphrase: 'new' });
  assert.ok(again.publicKey.equals(key.publicKey));
  assert.equal(again.comment, 'mine');
  await assert.rejects(parsePrivateKey(text, { passphrase: 'old' }), { code: 'bad-passphrase' });
});

test('rounds and cipher are written', async () => {
  const text = await changePassphrase(file, { old: 'old', new: 'new', rounds: 3, cipher: '3des-cbc' });
  const bytes = Buffer.from(text.split('\n').slice(1, -2).join(''), 'base64');
  assert.ok(bytes.includes('3des-cbc'));
  await parsePrivateKey(Buffer.from(text), { passphrase: 'new' });
  await assert.rejects(changePassphrase(file, { old: 'old', new: 'new', cipher: 'none' }), { code: 'bad-key' });
  await assert.rejects(changePassphrase(file, { old: 'old', new: 'new', rounds: 0 }), { code: 'misuse' });
});

test('the format stays what it is unless another is asked for', async () => {
  for (const format of ['pkcs8', 'sec1', 'ppk'] as const) {
    const text = Buffer.from(await formatPrivateKey(key, format));
    assert.equal(formatOfFile(text), format);
    const changed = Buffer.from(await changePassphrase(text, { new: 'secret' }));
    assert.equal(formatOfFile(changed), format);
    assert.equal(isEncrypted(changed), true);
  }
  const other = await changePassphrase(file, {
    old: 'old',
    new: '',
    format: (each) => (each.type === key.type ? 'pkcs8' : 'ppk'),
  });
  assert.match(other, /^-----BEGIN PRIVATE KEY-----/);
});

test('the new passphrase is asked for only behind the right old one', async () => {
  let asked = 0;
  const ask = async (): Promise<string> => {
    asked++;
    return 'new';
  };
  await assert.rejects(changePassphrase(file, { old: 'wrong', new: ask }), { code: 'bad-passphrase' });
  await assert.rejects(changePassphrase(file, { new: ask }), { code: 'bad-passphrase' });
  assert.equal(asked, 0);
  await changePassphrase(file, { old: 'old', new: ask, rounds: 1 });
  assert.equal(asked, 1);
});

test('what cannot be encrypted is refused', async () => {
  const text = Buffer.from(await formatPrivateKey(key, 'jwk'));
  await assert.rejects(changePassphrase(text, { new: 'secret' }), { code: 'unsupported' });
});
