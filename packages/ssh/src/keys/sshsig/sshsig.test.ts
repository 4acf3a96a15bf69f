/** Signatures over messages: every key type, and every way in which one is not to be believed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../../errors.ts';
import { WireReader, WireWriter } from '../../wire/index.ts';
import {
  createSecurityKeySigner,
  decodeMessageSignature,
  decodePublicKey,
  decodeSignature,
  digestMessage,
  encodeMessageSignature,
  encodeSignature,
  formatMessageSignature,
  generateKey,
  type MessageSignature,
  parseMessageSignature,
  type Signer,
  securityKeyData,
  signCertificate,
  signMessage,
  type VerifyMessageOptions,
  verifyMessage,
  withCertificate,
} from '../index.ts';

const message = Buffer.from('to be signed\n');
const key = await generateKey('ssh-ed25519');
const rsa = await generateKey('ssh-rsa', { bits: 2048 });
const namespace = 'file';
const good = await signMessage({ signer: key, namespace, message });
const armored = formatMessageSignature(good);
const blob = encodeMessageSignature(good);

type Refusal = { code: string; message: RegExp };
const refusal = (text: RegExp, code = 'bad-signature'): Refusal => ({ code, message: text });
const verify = (signature: MessageSignature, more: Partial<VerifyMessageOptions> = {}) =>
  verifyMessage(signature, { namespace, message, ...more } as VerifyMessageOptions);

/** A FIDO token in memory. */
async function createToken(flags: number): Promise<Signer> {
  const inner = await generateKey('ssh-ed25519');
  const raw = new WireReader(inner.publicKey.blob).fixed(inner.publicKey.blob.length).subarray(-32);
  const name = 'sk-ssh-ed25519@openssh.com';
  const publicKey = decodePublicKey(new WireWriter().string(name).string(raw).string('ssh:').finish());
  const handle = { application: 'ssh:', flags: 1, keyHandle: Buffer.from('handle') };
  return createSecurityKeySigner(publicKey, handle, async ({ application, data }) => {
    const signed = await inner.sign(securityKeyData(application, flags, 7, data), 'ssh-ed25519');
    return { signature: decodeSignature(signed).body, flags, counter: 7 };
  });
}

for (const type of ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa']) {
  test(`${type}: signs, and the signature holds for this message, namespace and hash only`, async () => {
    const signer = type === 'ssh-rsa' ? rsa : await generateKey(type);
    for (const hash of ['sha512', 'sha256'] as const) {
      const text = formatMessageSignature(await signMessage({ signer, namespace, message, hash }));
      const signature = parseMessageSignature(text);
      const verified = await verify(signature);
      assert.ok(verified.key.equals(signer.publicKey));
      assert.equal(verified.algorithm, type === 'ssh-rsa' ? `rsa-sha2-${hash.slice(3)}` : type);
      assert.equal(verified.securityKey, undefined);
      await assert.rejects(verify(signature, { message: Buffer.from('another') }), refusal(/incorrect signature/));
      await assert.rejects(verify(signature, { namespace: 'git' }), refusal(/namespace does not match/));
      const other = hash === 'sha512' ? 'sha256' : 'sha512';
      await assert.rejects(verify({ ...signature, hash: other }), refusal(/incorrect signature/));
    }
  });
}

test('a certificate signs, and its authority is verified with it', async () => {
  const ca = await generateKey('ecdsa-sha2-nistp256');
  const certificate = await signCertificate(
    { subject: key.publicKey, kind: 'user', keyId: 'id', principals: ['alice'] },
    ca,
  );
  const signature = await signMessage({ signer: withCertificate(key, certificate), namespace, message });
  const again = parseMessageSignature(formatMessageSignature(signature));
  assert.ok((await verify(again)).key.equals(certificate));
  const forged = Buffer.from(certificate.blob);
  forged[forged.length - 5] = (forged[forged.length - 5] as number) ^ 1;
  await assert.rejects(verify({ ...again, publicKey: decodePublicKey(forged) }), { code: 'bad-certificate' });
  // The signature is good, and its maker may not certify with this algorithm.
  await assert.rejects(verify(again, { caSignatureAlgorithms: ['ssh-ed25519'] }), { code: 'bad-certificate' });
});

test('a certificate of an authority that signed with SHA-1 is refused', async () => {
  const certificate = await signCertificate(
    { subject: key.publicKey, kind: 'user', keyId: 'id', principals: ['alice'] },
    rsa,
    'ssh-rsa',
  );
  const signature = await signMessage({ signer: withCertificate(key, certificate), namespace, message });
  await assert.rejects(verify(signature), { code: 'bad-certificate', message: /ssh-rsa/ });
});

test('security keys: flags and counter are told, a touch is asked for unless waived', async () => {
  const touched = await signMessage({ signer: await createToken(1), namespace, message });
  assert.deepEqual((await verify(touched)).securityKey, { flags: 1, counter: 7 });
  await assert.rejects(verify(touched, { requireUserVerification: true }), refusal(/incorrect signature/));
  const untouched = await signMessage({ signer: await createToken(0), namespace, message });
  await assert.rejects(verify(untouched), refusal(/incorrect signature/));
  const verified = await verify(untouched, { requireUserPresence: false });
  assert.deepEqual(verified.securityKey, { flags: 0, counter: 7 });
});

test('a certificate that asks for verification gets it', async () => {
  const request = { kind: 'user', keyId: 'id', principals: ['alice'] } as const;
  for (const [flags, isGood] of [
    [1, false],
    [5, true],
  ] as const) {
    const token = await createToken(flags);
    const criticalOptions = { 'verify-required': true } as const;
    const certificate = await signCertificate({ ...request, subject: token.publicKey, criticalOptions }, key);
    const signature = await signMessage({ signer: withCertificate(token, certificate), namespace, message });
    if (isGood) await verify(signature);
    else await assert.rejects(verify(signature), refusal(/incorrect signature/));
  }
});

test('RSA with SHA-1 is refused, whoever signed', async () => {
  const data = new WireWriter().fixed(Buffer.from('SSHSIG')).string(namespace).string('').string('sha512');
  data.string(await digestMessage('sha512', message));
  const signature = await rsa.sign(Buffer.from(data.finish()), 'ssh-rsa');
  const whole: MessageSignature = { ...good, publicKey: rsa.publicKey, signature };
  await assert.rejects(verify(whole), refusal(/unsupported RSA signature algorithm ssh-rsa/));
});

test('a signature of another algorithm than the key has is refused', async () => {
  const { body } = decodeSignature(good.signature);
  for (const algorithm of ['ecdsa-sha2-nistp256', 'sk-ssh-ed25519@openssh.com', 'none']) {
    const signature = encodeSignature(algorithm, body);
    await assert.rejects(verify({ ...good, signature }), refusal(/does not sign with/));
  }
  await assert.rejects(verify({ ...good, signature: Buffer.of(1, 2) }), refusal(/invalid format/));
  const longer = Buffer.concat([good.signature, Buffer.of(0)]);
  await assert.rejects(verify({ ...good, signature: longer }), refusal(/incorrect signature/));
});

test('other hashes, another version, reserved bytes and empty namespaces are refused', async () => {
  for (const hash of ['md5', 'sha1', 'SHA512', 'sha512 ', 'constructor']) {
    await assert.rejects(verify({ ...good, hash }), refusal(/unsupported hash algorithm/));
    await assert.rejects(signMessage({ signer: key, namespace, message, hash: hash as 'sha256' }), {
      code: 'bad-signature',
    });
  }
  await assert.rejects(verify({ ...good, reserved: Buffer.of(1) }), refusal(/reserved/));
  await assert.rejects(signMessage({ signer: key, namespace: '', message }), { code: 'misuse' });
  await assert.rejects(signMessage({ signer: key, namespace: 'x'.repeat(2000), message }), { code: 'misuse' });
  assert.throws(() => decodeMessageSignature(encodeMessageSignature({ ...good, namespace: '' })), refusal(/empty/));
  assert.throws(() => decodeMessageSignature(encodeMessageSignature({ ...good, namespace: 'a\0' })), refusal(/NUL/));
  for (const version of [0, 2, 0xffffffff]) {
    const changed = Buffer.from(blob);
    changed.writeUInt32BE(version, 6);
    assert.throws(() => decodeMessageSignature(changed), refusal(/version/));
  }
});

test('bytes behind the signature are refused, as is every cut', () => {
  assert.throws(() => decodeMessageSignature(Buffer.concat([blob, Buffer.of(0)])), refusal(/trailing data/));
  for (let length = 0; length < blob.length; length++) {
    assert.throws(() => decodeMessageSignature(blob.subarray(0, length)), SshError, `cut at ${length}`);
  }
  for (let length = 0; length < armored.length - 1; length++) {
    assert.throws(() => parseMessageSignature(armored.slice(0, length)), SshError, `cut at ${length}`);
  }
});

test('no changed bit leaves a signature good', async () => {
  for (let at = 0; at < blob.length; at++) {
    const changed = Buffer.from(blob);
    changed[at] = (changed[at] as number) ^ (1 << (at % 8));
    await assert.rejects(async () => verify(decodeMessageSignature(changed)), SshError, `byte ${at}`);
  }
});

test('armor: line ends and what follows do not matter, everything else does', async () => {
  assert.match(armored, /^-----BEGIN SSH SIGNATURE-----\n(?:[A-Za-z0-9+/=]{1,70}\n)+-----END SSH SIGNATURE-----\n$/);
  for (const text of [armored.replaceAll('\n', '\r\n'), `${armored}\ntrailing`, Buffer.from(armored)]) {
    await verify(parseMessageSignature(text));
  }
  for (const [text, reason] of [
    [`\n${armored}`, /missing header/],
    [armored.replace('BEGIN', 'begin'), /missing header/],
    [armored.replace('END', 'end'), /missing footer/],
    [armored.replace(/\n[A-Za-z0-9]/, '\n!'), /invalid format/],
    ['-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n', /missing footer/],
    ['', /missing header/],
  ] as const) {
    assert.throws(() => parseMessageSignature(text), refusal(reason));
  }
  const long = Buffer.alloc(300_000, armored);
  assert.throws(() => parseMessageSignature(long), { code: 'limit-exceeded' });
});

test('a message is hashed piece by piece, and a digest may come from elsewhere', async () => {
  const big = Buffer.alloc(3_000_000, 'abc');
  async function* pieces() {
    const shared = Buffer.alloc(1000);
    for (let at = 0; at < big.length; at += shared.length) {
      big.copy(shared, 0, at, at + shared.length);
      yield shared;
    }
  }
  const digest = await digestMessage('sha256', big);
  assert.deepEqual(await digestMessage('sha256', pieces()), digest);
  const signature = await signMessage({ signer: key, namespace, digest, hash: 'sha256' });
  await verifyMessage(signature, { namespace, message: pieces() });
  await verifyMessage(signature, { namespace, digest });
  await assert.rejects(signMessage({ signer: key, namespace, digest }), { code: 'misuse' });
  await assert.rejects(verifyMessage(signature, { namespace, digest: Buffer.alloc(64) }), { code: 'bad-signature' });
  const broken = new Error('the disk failed');
  async function* failing() {
    yield big;
    throw broken;
  }
  await assert.rejects(verifyMessage(signature, { namespace, message: failing() }), broken);
});

test('a signer that signs something else is found out before anything is written', async () => {
  const other = await generateKey('ssh-ed25519');
  const liar: Signer = { publicKey: key.publicKey, label: 'liar', sign: (data, name) => other.sign(data, name) };
  await assert.rejects(signMessage({ signer: liar, namespace, message }), refusal(/does not verify/));
});

test('whatever bytes come, a signature or an SshError comes of them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(blob.length), (bytes, at) => {
      for (const input of [bytes, Buffer.concat([blob.subarray(0, at), bytes])]) {
        try {
          decodeMessageSignature(input);
        } catch (error) {
          assert.ok(error instanceof SshError, String(error));
        }
      }
    }),
    { numRuns: 500 },
  );
});
