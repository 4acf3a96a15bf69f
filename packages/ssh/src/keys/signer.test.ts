/** Choice of signature algorithms, certified signers, security key signers, and private keys at large. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { createEcdsaSigner, generateEcdsa } from '../crypto/signatures/ecdsa.ts';
import { createEd25519Signer, generateEd25519 } from '../crypto/signatures/ed25519.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import {
  chooseSignatureAlgorithm,
  createSecurityKeySigner,
  decodePublicKey,
  decodeSignature,
  formatPrivateKey,
  generateKey,
  parsePrivateKey,
  publicKeyAlgorithms,
  readPrivateKey,
  type SecurityKeyProvider,
  securityKeyData,
  securityKeyHandle,
  signCertificate,
  withCertificate,
  withPrivateKeyDetails,
  writePrivateKey,
} from './index.ts';

const ca = await generateKey('ssh-ed25519', { comment: 'ca' });
const ecdsa = await generateKey('ecdsa-sha2-nistp256', { comment: 'mine' });
const rsa = await generateKey('ssh-rsa', { bits: 2048 });
const all = publicKeyAlgorithms.map(({ name }) => name);
const safe = publicKeyAlgorithms.filter(({ legacy }) => !legacy).map(({ name }) => name);

test('chooses by our policy and, for RSA, by what the server takes', async () => {
  const choose = (...parameters: Parameters<typeof chooseSignatureAlgorithm>) =>
    chooseSignatureAlgorithm(...parameters)?.name;
  assert.equal(choose(ecdsa.publicKey, all), 'ecdsa-sha2-nistp256');
  assert.equal(choose(ecdsa.publicKey, all, ['rsa-sha2-256']), 'ecdsa-sha2-nistp256');
  assert.equal(choose(ecdsa.publicKey, ['ecdsa-sha2-nistp384']), undefined);
  assert.equal(choose(rsa.publicKey, all), 'rsa-sha2-512');
  assert.equal(choose(rsa.publicKey, all, ['rsa-sha2-256', 'ssh-rsa']), 'rsa-sha2-256');
  assert.equal(choose(rsa.publicKey, all, ['ssh-rsa']), 'ssh-rsa');
  assert.equal(choose(rsa.publicKey, safe, ['ssh-rsa']), undefined);
  assert.equal(choose(rsa.publicKey, safe, []), undefined);
  const certified = await signCertificate({ subject: rsa.publicKey, kind: 'user', keyId: '', principals: ['a'] }, ca);
  const chosen = chooseSignatureAlgorithm(certified, safe, ['rsa-sha2-256']);
  assert.equal(chosen?.name, 'rsa-sha2-256-cert-v01@openssh.com');
  assert.equal(chosen?.signatureAlgorithm, 'rsa-sha2-256');
  assert.equal(choose(certified, ['rsa-sha2-512']), undefined);
});

test('a certified signer shows its certificate and signs as before', async () => {
  const request = { subject: ecdsa.publicKey, kind: 'user', keyId: '', principals: ['a'] } as const;
  const certificate = await signCertificate(request, ca);
  const signer = withCertificate(ecdsa, certificate);
  const signature = await signer.sign(Buffer.from('x'), 'ecdsa-sha2-nistp256');
  assert.ok(signer.publicKey.verify(Buffer.from('x'), signature, 'ecdsa-sha2-nistp256'));
  assert.throws(() => withCertificate(rsa, certificate), { code: 'misuse' });
  assert.throws(() => withCertificate(ecdsa, ecdsa.publicKey), { code: 'misuse' });
  assert.throws(() => withPrivateKeyDetails(rsa, { certificate }), { code: 'misuse' });
});

test('private keys go through the form of files and agents, with and without certificate', async () => {
  const keys = [ca, ecdsa, rsa, skFile('sk-ssh-ed25519@openssh.com'), skFile('sk-ecdsa-sha2-nistp256@openssh.com')];
  for (const key of keys) {
    const request = { subject: key.publicKey, kind: 'user', keyId: '', principals: ['a'] } as const;
    const certificate = await signCertificate(request, ca);
    for (const shown of [key, withPrivateKeyDetails(key, { certificate, comment: 'certified' })]) {
      const writer = new WireWriter();
      writePrivateKey(writer, shown);
      const reader = new WireReader(writer.finish());
      const again = readPrivateKey(reader)(shown.comment);
      reader.finish();
      assert.ok(again.publicKey.equals(shown.publicKey));
      assert.equal(again.type, key.type);
      const file = await parsePrivateKey(Buffer.from(await formatPrivateKey(shown, 'openssh')));
      assert.ok(file.publicKey.equals(shown.publicKey));
      assert.equal(file.comment, shown.comment);
    }
  }
});

test('a private key shows nothing of itself', () => {
  const shown = inspect(ecdsa, { depth: 10, showHidden: true });
  assert.doesNotMatch(shown, /scalar|half|seed/i);
  assert.deepEqual(Object.keys(ecdsa).sort(), ['comment', 'label', 'publicKey', 'type']);
});

const edToken = generateEd25519();
const ecToken = generateEcdsa('nistp256');

function skFile(type: string) {
  const writer = new WireWriter().string(type);
  if (type.startsWith('sk-ecdsa')) writer.string('nistp256').string(ecToken.point);
  else writer.string(edToken.publicKey);
  writer.string('ssh:').uint8(1).string('the handle').string('');
  return readPrivateKey(new WireReader(writer.finish()))('token');
}

const provider: SecurityKeyProvider = async ({ application, data, publicKey, keyHandle, flags }) => {
  assert.equal(keyHandle.toString(), 'the handle');
  assert.equal(flags, 1);
  const signed = securityKeyData(application, 5, 9, data);
  if (publicKey.type.startsWith('sk-ssh'))
    return { signature: createEd25519Signer(edToken)(signed), flags: 5, counter: 9 };
  const { r, s } = createEcdsaSigner(ecToken)(signed);
  return { signature: Buffer.concat([r, s]), flags: 5, counter: 9 };
};

test('security keys sign through a provider only', async () => {
  for (const type of ['sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com']) {
    const key = skFile(type);
    await assert.rejects(key.sign(Buffer.from('x'), type), { code: 'unsupported' });
    await assert.rejects(formatPrivateKey(key, 'pkcs8'), { code: 'unsupported' });
    await assert.rejects(formatPrivateKey(key, 'ppk'), { code: 'unsupported' });
    const handle = securityKeyHandle(key);
    assert.ok(handle);
    const signer = createSecurityKeySigner(key.publicKey, handle, provider);
    const signature = await signer.sign(Buffer.from('x'), type);
    assert.ok(key.publicKey.verify(Buffer.from('x'), signature, type, { requireUserVerification: true }));
    assert.equal(decodeSignature(signature).rest.toString('hex'), '0500000009');
    await assert.rejects(signer.sign(Buffer.from('x'), 'ssh-ed25519'), { code: 'misuse' });
    await assert.rejects(signer.sign(Buffer.from('x'), type, { signal: AbortSignal.abort() }), { code: 'aborted' });
    const short = createSecurityKeySigner(key.publicKey, handle, async () => ({
      signature: Buffer.alloc(3),
      flags: 1,
      counter: 0,
    }));
    await assert.rejects(short.sign(Buffer.from('x'), type), { code: 'bad-key' });
  }
  assert.equal(securityKeyHandle(ecdsa), undefined);
  const handle = { application: '', flags: 0, keyHandle: Buffer.alloc(0) };
  assert.throws(() => createSecurityKeySigner(ecdsa.publicKey, handle, provider), { code: 'misuse' });
});

test('private numbers that do not belong to the public key are refused', async () => {
  const other = await generateKey('ecdsa-sha2-nistp256');
  const fields = (key: typeof ecdsa): { head: Buffer; secret: Buffer } => {
    const writer = new WireWriter();
    writePrivateKey(writer, key);
    const reader = new WireReader(writer.finish());
    for (let field = 0; field < 3; field++) reader.string();
    const head = Buffer.from(reader.bytes.subarray(0, reader.offset));
    return { head, secret: Buffer.from(reader.rest()) };
  };
  const mixed = Buffer.concat([fields(ecdsa).head, fields(other).secret]);
  assert.throws(() => readPrivateKey(new WireReader(mixed)), { code: 'bad-key', message: /does not belong/ });
  const zero = Buffer.concat([fields(ecdsa).head, Buffer.alloc(4)]);
  assert.throws(() => readPrivateKey(new WireReader(zero)), { code: 'bad-key' });

  const writer = new WireWriter();
  writePrivateKey(writer, rsa);
  const reader = new WireReader(writer.finish());
  const type = reader.ascii();
  const numbers = Array.from({ length: 6 }, (_, index) => reader.unsignedMpint(`${index}`));
  for (const wrong of [2, 3, 4, 5]) {
    const changed = new WireWriter().string(type);
    for (const [index, number] of numbers.entries()) {
      const bytes = Buffer.from(number);
      if (index === wrong) bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 2;
      changed.mpint(bytes);
    }
    assert.throws(() => readPrivateKey(new WireReader(changed.finish())), { code: 'bad-key' }, `number ${wrong}`);
  }
  const ed = new WireWriter().string('ssh-ed25519').string(edToken.publicKey);
  ed.string(Buffer.concat([Buffer.alloc(32, 1), edToken.publicKey]));
  assert.throws(() => readPrivateKey(new WireReader(ed.finish())), { code: 'bad-key' });
  assert.ok(decodePublicKey(ecdsa.publicKey.blob).equals(ecdsa.publicKey));
});
