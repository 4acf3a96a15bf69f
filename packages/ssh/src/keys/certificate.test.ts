/** Certificates of ssh-keygen and our own: fields, signature, and every reason to refuse one. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WireWriter } from '../wire/index.ts';
import {
  type Certificate,
  type CertificateRequest,
  type CheckCertificateOptions,
  checkCertificate,
  createSecurityKeySigner,
  decodePublicKey,
  defaultUserExtensions,
  encodeSignature,
  generateKey,
  type PublicKey,
  parseCertificateOptions,
  parsePrivateKey,
  parsePublicKey,
  securityKeyData,
  signCertificate,
  verifyCertificate,
} from './index.ts';

const folder = fileURLToPath(new URL('../../../../test/vectors/keys/', import.meta.url));
const load = (name: string): PublicKey => parsePublicKey(readFileSync(folder + name, 'utf8')).key;
const certificateOf = (key: PublicKey): Certificate => {
  assert.ok(key.certificate);
  return key.certificate;
};

const modern = ['ssh-ed25519', 'ecdsa-sha2-nistp521', 'rsa-sha2-512', 'rsa-sha2-256'];
/** Middle of 2030. */
const now = 1_909_000_000n;
const asAlice: CheckCertificateOptions = { kind: 'user', principal: 'alice', now, caSignatureAlgorithms: modern };

for (const name of ['ed25519', 'ecdsa256', 'ecdsa384', 'ecdsa521', 'rsa']) {
  test(`reads ssh-keygen's certificate of the ${name} key`, async () => {
    const key = load(`${name}.cert`);
    const plain = load(`${name}.pub`);
    const certificate = certificateOf(key);
    assert.ok(key.plain.equals(plain));
    assert.equal(key.type, certificate.type);
    assert.deepEqual(key.signatureAlgorithms, plain.signatureAlgorithms);
    assert.equal(certificate.serial, 7n);
    assert.equal(certificate.kind, 'user');
    assert.equal(certificate.keyId, `id ${name}`);
    assert.deepEqual(certificate.principals, ['alice', 'bob']);
    assert.equal(new Date(Number(certificate.validAfter) * 1000).getUTCFullYear(), 2026);
    assert.equal(new Date(Number(certificate.validBefore) * 1000).getUTCFullYear(), 2036);
    assert.ok(certificate.signatureKey.equals(load('ed25519.pub')));
    assert.deepEqual(parseCertificateOptions(certificate), {
      forceCommand: '/bin/true',
      sourceAddress: '10.0.0.0/8,::1/128',
      verifyRequired: false,
      noTouchRequired: false,
      permits: new Set([
        'permit-X11-forwarding',
        'permit-agent-forwarding',
        'permit-port-forwarding',
        'permit-user-rc',
      ]),
    });
    checkCertificate(certificate, asAlice);
    // The subject's signatures verify through the certificate, under the plain algorithm's name.
    const signer = await parsePrivateKey(readFileSync(folder + name));
    for (const algorithm of plain.signatureAlgorithms) {
      const signature = await signer.sign(Buffer.from('data'), algorithm);
      assert.ok(key.verify(Buffer.from('data'), signature, algorithm));
    }
    assert.equal(key.verify(Buffer.from('data'), Buffer.alloc(0), key.type), false);
  });
}

test('the words for each refusal', () => {
  const certificate = certificateOf(load('ed25519.cert'));
  const refused: [string, Partial<CheckCertificateOptions>][] = [
    ['Certificate invalid: not a host certificate', { kind: 'host' }],
    ['Certificate invalid: not yet valid', { now: certificate.validAfter - 1n }],
    ['Certificate invalid: expired', { now: certificate.validBefore }],
    ['Certificate invalid: name is not a listed principal', { principal: 'ali' }],
    ['Certificate invalid: name is not a listed principal', { principal: 'alice,bob' }],
    ['Certificate invalid: name is not a listed principal', { principal: 'Alice' }],
    ['Certificate invalid: name is not a listed principal', { principal: '' }],
    ['Certificate contains unsupported critical option "force-command"', { knownCriticalOptions: ['source-address'] }],
    ['Certificate signed with disallowed algorithm ssh-ed25519', { caSignatureAlgorithms: ['rsa-sha2-512'] }],
    ['Certificate signed with disallowed algorithm ssh-ed25519', { caSignatureAlgorithms: [] }],
  ];
  for (const [message, changes] of refused) {
    const check = () => checkCertificate(certificate, { ...asAlice, ...changes });
    assert.throws(check, { code: 'bad-certificate', stage: 'key', message });
  }
  checkCertificate(certificate, { ...asAlice, now: certificate.validAfter });
  checkCertificate(certificate, { ...asAlice, now: certificate.validBefore - 1n });
});

test('a certificate without principals is good for nobody', () => {
  const certificate = certificateOf(load('no-principals.cert'));
  assert.throws(() => checkCertificate(certificate, asAlice), { message: 'Certificate lacks principal list' });
  verifyCertificate(certificate, modern);
});

test('SHA-1 signatures of a CA count only where they are asked for', () => {
  const certificate = certificateOf(load('sha1-signed.cert'));
  assert.throws(() => checkCertificate(certificate, asAlice), { message: /disallowed algorithm ssh-rsa$/ });
  checkCertificate(certificate, { ...asAlice, caSignatureAlgorithms: ['ssh-rsa'] });
});

test('host certificates match whole names, and patterns where a matcher is given', () => {
  const certificate = certificateOf(load('host-by-rsa.cert'));
  const check = (principal: string, matchPattern?: (pattern: string, name: string) => boolean) =>
    checkCertificate(certificate, {
      kind: 'host',
      principal,
      now,
      caSignatureAlgorithms: modern,
      ...(matchPattern === undefined ? {} : { matchPattern }),
    });
  const matcher = (pattern: string, name: string): boolean => name.endsWith(pattern.slice(1));
  check('host.example');
  assert.throws(() => check('www.example'), { message: /not a listed principal/ });
  check('www.example', matcher);
  assert.throws(() => check('www.example.org', matcher), { message: /not a listed principal/ });
  assert.throws(() => check('', () => true), { message: /not a listed principal/ });
});

const ca = await generateKey('ssh-ed25519');
const subject = (await generateKey('ecdsa-sha2-nistp256')).publicKey;
const request: CertificateRequest = {
  subject,
  kind: 'user',
  keyId: 'test',
  serial: 2n ** 64n - 1n,
  principals: ['alice'],
  criticalOptions: { 'verify-required': true, 'force-command': 'ls' },
  extensions: { ...defaultUserExtensions, 'no-touch-required': true },
};

test('signs certificates for every type with every type of CA', async () => {
  const keys = [ca];
  for (const type of ['ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521']) keys.push(await generateKey(type));
  keys.push(await parsePrivateKey(readFileSync(`${folder}rsa`)));
  for (const authority of keys) {
    for (const { publicKey } of keys) {
      const key = await signCertificate({ ...request, subject: publicKey }, authority);
      const certificate = certificateOf(decodePublicKey(key.blob));
      checkCertificate(certificate, { ...asAlice, caSignatureAlgorithms: authority.publicKey.signatureAlgorithms });
      assert.equal(certificate.serial, 2n ** 64n - 1n);
      assert.deepEqual(parseCertificateOptions(certificate), {
        forceCommand: 'ls',
        sourceAddress: undefined,
        verifyRequired: true,
        noTouchRequired: true,
        permits: new Set(Object.keys(defaultUserExtensions)),
      });
    }
  }
});

test('a changed byte anywhere makes a certificate unreadable or its signature wrong', async () => {
  const { blob } = await signCertificate(request, ca);
  for (let at = 0; at < blob.length; at++) {
    const changed = Buffer.from(blob);
    changed[at] = (changed[at] as number) ^ (1 << (at % 8));
    assert.throws(
      () => verifyCertificate(certificateOf(decodePublicKey(changed)), modern),
      { name: 'SshError' },
      `byte ${at}`,
    );
  }
});

test('refuses to sign what would be accepted nowhere', async () => {
  const certified = await signCertificate(request, ca);
  const refused: Partial<CertificateRequest>[] = [
    { principals: [] },
    { principals: ['alice,bob'] },
    { principals: [''] },
    { principals: Array.from({ length: 257 }, (_, index) => `user${index}`) },
    { subject: certified },
    { validAfter: 10n, validBefore: 10n },
    { serial: -1n },
    { serial: 2n ** 64n },
    { validBefore: 2n ** 64n },
    { keyId: 'a\0b' },
    { principals: ['a\nb'] },
    { criticalOptions: { 'force-command': '' } },
    { criticalOptions: { 'force-command': true } },
    { criticalOptions: { 'source-address': '10.0.0.1/8' } },
    { criticalOptions: { 'source-address': '' } },
    { criticalOptions: { 'verify-required': 'yes' } },
    { criticalOptions: { 'a b': true } },
    { extensions: { 'permit-pty': 'yes' } },
    { extensions: { '': true } },
    { extensions: Object.fromEntries(Array.from({ length: 257 }, (_, index) => [`x${index}`, true])) },
  ];
  for (const changes of refused) {
    await assert.rejects(signCertificate({ ...request, ...changes }, ca), { code: 'misuse' });
  }
});

test('what another signer made is checked: wrong, cut, or of another algorithm it is refused', async () => {
  const right = async (data: Uint8Array) => await ca.sign(data, 'ssh-ed25519');
  const signers: [string, (data: Uint8Array) => Promise<Buffer>][] = [
    ['zeros', async () => encodeSignature('ssh-ed25519', Buffer.alloc(64))],
    ['empty', async () => Buffer.alloc(0)],
    ['cut', async (data) => (await right(data)).subarray(0, -1)],
    ['longer', async (data) => Buffer.concat([await right(data), Buffer.of(0)])],
    ['over other data', async () => await right(Buffer.from('other'))],
    ['renamed', async (data) => encodeSignature('rsa-sha2-512', (await right(data)).subarray(-64))],
  ];
  for (const [what, sign] of signers) {
    const signer = { publicKey: ca.publicKey, label: 'a token', sign };
    await assert.rejects(
      signCertificate(request, signer),
      { code: 'bad-certificate', message: 'the signature that came from a token does not verify' },
      what,
    );
  }
  const honest = { publicKey: ca.publicKey, label: 'an agent', sign: right };
  checkCertificate(certificateOf(await signCertificate(request, honest)), asAlice);
});

test('a certificate just made is the one that its blob reads as', async () => {
  const made = await signCertificate(request, ca);
  const read = decodePublicKey(made.blob);
  assert.ok(made.equals(read));
  assert.equal(made.type, read.type);
  assert.equal(made.bits, read.bits);
  assert.ok(made.plain.equals(read.plain));
  const fields = ({ signatureKey, subject: key, ...rest }: Certificate) => ({
    ...rest,
    authority: signatureKey.blob,
    subject: key.blob,
  });
  assert.deepEqual(fields(certificateOf(made)), fields(certificateOf(read)));
  assert.notDeepEqual(certificateOf(made).nonce, certificateOf(await signCertificate(request, ca)).nonce);
});

test('no principals only where they are asked to be none', async () => {
  const made = await signCertificate({ ...request, principals: [], allowNoPrincipals: true }, ca);
  assert.throws(() => checkCertificate(certificateOf(made), asAlice), { message: 'Certificate lacks principal list' });
});

test('the RSA algorithm of the authority is chosen by name, and only one of its own', async () => {
  const rsa = await parsePrivateKey(readFileSync(`${folder}rsa`));
  for (const algorithm of ['rsa-sha2-256', 'rsa-sha2-512', 'ssh-rsa']) {
    const certificate = certificateOf(await signCertificate(request, rsa, algorithm));
    verifyCertificate(certificate, [algorithm]);
  }
  await assert.rejects(signCertificate(request, rsa, 'ssh-ed25519'), { code: 'misuse' });
});

test('security keys as authorities sign through their provider', async () => {
  const { publicKey } = ca;
  const sk = decodePublicKey(
    new WireWriter().string('sk-ssh-ed25519@openssh.com').string(publicKey.blob.subarray(-32)).string('ssh:').finish(),
  );
  const handle = { application: 'ssh:', flags: 1, keyHandle: Buffer.alloc(4) };
  const signer = createSecurityKeySigner(sk, handle, async ({ application, data }) => {
    const signature = await ca.sign(securityKeyData(application, 1, 7, data), 'ssh-ed25519');
    return { signature: signature.subarray(-64), flags: 1, counter: 7 };
  });
  const certificate = certificateOf(await signCertificate({ ...request, subject: sk }, signer));
  checkCertificate(certificate, { ...asAlice, caSignatureAlgorithms: ['sk-ssh-ed25519@openssh.com'] });
});

/** A certificate put together by hand; what it says may be nonsense. */
async function forge(changes: {
  kind?: number;
  principals?: Buffer;
  critical?: Buffer;
  extensions?: Buffer;
  authority?: Buffer;
}): Promise<Buffer> {
  const plain = ca.publicKey.blob;
  const writer = new WireWriter()
    .string('ssh-ed25519-cert-v01@openssh.com')
    .string(Buffer.alloc(32, 7))
    .fixed(plain.subarray(4 + 'ssh-ed25519'.length))
    .uint64(1n)
    .uint32(changes.kind ?? 1)
    .string('forged')
    .string(changes.principals ?? new WireWriter().string('alice').finish())
    .uint64(0n)
    .uint64(2n ** 64n - 1n)
    .string(changes.critical ?? '')
    .string(changes.extensions ?? '')
    .string('')
    .string(changes.authority ?? plain);
  const signature = await ca.sign(Buffer.from(writer.finish()), 'ssh-ed25519');
  return writer.string(signature).finish();
}

function options(...pairs: [string, Uint8Array | string][]): Buffer {
  const writer = new WireWriter();
  for (const [name, value] of pairs) writer.string(name).string(value);
  return writer.finish();
}

test('refuses certificates that are signed and still wrong', async () => {
  const many = new WireWriter();
  for (let index = 0; index < 257; index++) many.string(`user${index}`);
  const nested = (await signCertificate(request, ca)).blob;
  const refused: [RegExp, Parameters<typeof forge>[0]][] = [
    [/kind 0/, { kind: 0 }],
    [/kind 3/, { kind: 3 }],
    [/more than 256 principals/, { principals: many.finish() }],
    [/NUL/, { principals: new WireWriter().string('alice\0').finish() }],
    [/principal claims/, { principals: Buffer.of(0, 0, 0, 9, 1) }],
    [/"x" twice/, { critical: options(['x', ''], ['x', '']) }],
    [/"x" twice/, { extensions: options(['x', ''], ['x', '']) }],
    [/allowed are/, { authority: nested }],
    [/type claims/, { authority: Buffer.of(0, 0, 0, 99) }],
  ];
  for (const [message, changes] of refused) {
    const blob = await forge(changes);
    assert.throws(() => decodePublicKey(blob), { message });
  }
  assert.ok(decodePublicKey(await forge({})));
});

test('options whose data is not theirs are refused', async () => {
  const text = (value: string) => new WireWriter().string(value).finish();
  const refused: [RegExp, Parameters<typeof forge>[0]][] = [
    [/force-command is malformed/, { critical: options(['force-command', 'ls']) }],
    [/force-command is malformed/, { critical: options(['force-command', Buffer.concat([text('a'), Buffer.of(0)])]) }],
    [/force-command is malformed/, { critical: options(['force-command', text('a\0b')]) }],
    [/source-address is empty/, { critical: options(['source-address', text('')]) }],
    [/verify-required has data/, { critical: options(['verify-required', text('')]) }],
    [/permit-pty has data/, { extensions: options(['permit-pty', 'x']) }],
    [/no-touch-required has data/, { extensions: options(['no-touch-required', 'x']) }],
  ];
  for (const [message, changes] of refused) {
    const certificate = certificateOf(decodePublicKey(await forge(changes)));
    assert.throws(() => parseCertificateOptions(certificate), { code: 'bad-certificate', message });
  }
  const unknown = certificateOf(decodePublicKey(await forge({ critical: options(['x@example', '']) })));
  assert.throws(() => checkCertificate(unknown, asAlice), { message: /unsupported critical option "x@example"/ });
  const extension = certificateOf(decodePublicKey(await forge({ extensions: options(['x@example', '']) })));
  checkCertificate(extension, asAlice);
});
