/** Every key type: signatures many times over, and every way in which one can be wrong. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createEcdsaSigner, generateEcdsa } from '../../crypto/signatures/ecdsa.ts';
import { createEd25519Signer, generateEd25519 } from '../../crypto/signatures/ed25519.ts';
import { WireReader, WireWriter } from '../../wire/index.ts';
import {
  decodePublicKey,
  decodeSignature,
  encodeSignature,
  generateKey,
  type PrivateKey,
  type PublicKey,
} from '../index.ts';
import { authenticatorFlags, securityKeyData } from '../security-key.ts';
import { encodeEcdsaBody } from '../signature.ts';
import { findPublicKeyAlgorithm, keyTypes, publicKeyAlgorithms } from './table.ts';

const message = Buffer.from('the bytes that are signed');

test('every family file has its rows in the table', () => {
  const helpers = new Set(['key-type', 'table']);
  const families = readdirSync(fileURLToPath(new URL('.', import.meta.url)))
    .map((name) => /^([^.]+)\.(ts|js)$/.exec(name)?.[1])
    .filter((name) => name !== undefined && !helpers.has(name));
  const rowOf = (family: string | undefined) => keyTypes.filter(({ name }) => name.startsWith(family as string));
  for (const family of families) assert.ok(rowOf(family).length > 0, `${family} has no row`);
  assert.equal(families.flatMap(rowOf).length, keyTypes.length);
});

test('algorithm names are those of OpenSSH', () => {
  assert.deepEqual(
    publicKeyAlgorithms.map(({ name }) => name),
    [
      'ssh-ed25519-cert-v01@openssh.com',
      'ecdsa-sha2-nistp256-cert-v01@openssh.com',
      'ecdsa-sha2-nistp384-cert-v01@openssh.com',
      'ecdsa-sha2-nistp521-cert-v01@openssh.com',
      'sk-ssh-ed25519-cert-v01@openssh.com',
      'sk-ecdsa-sha2-nistp256-cert-v01@openssh.com',
      'webauthn-sk-ecdsa-sha2-nistp256-cert-v01@openssh.com',
      'rsa-sha2-512-cert-v01@openssh.com',
      'rsa-sha2-256-cert-v01@openssh.com',
      'ssh-rsa-cert-v01@openssh.com',
      'ssh-ed25519',
      'ecdsa-sha2-nistp256',
      'ecdsa-sha2-nistp384',
      'ecdsa-sha2-nistp521',
      'sk-ssh-ed25519@openssh.com',
      'sk-ecdsa-sha2-nistp256@openssh.com',
      'webauthn-sk-ecdsa-sha2-nistp256@openssh.com',
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-rsa',
    ],
  );
  assert.deepEqual(
    publicKeyAlgorithms.filter(({ legacy }) => legacy).map(({ name }) => name),
    ['ssh-rsa-cert-v01@openssh.com', 'ssh-rsa'],
  );
  assert.deepEqual(findPublicKeyAlgorithm('rsa-sha2-256-cert-v01@openssh.com'), {
    name: 'rsa-sha2-256-cert-v01@openssh.com',
    keyType: 'ssh-rsa-cert-v01@openssh.com',
    signatureAlgorithm: 'rsa-sha2-256',
    certificate: true,
    securityKey: false,
    legacy: false,
  });
});

const runs: Record<string, number> = {
  'ssh-ed25519': 300,
  'ecdsa-sha2-nistp256': 600,
  'ecdsa-sha2-nistp384': 60,
  'ecdsa-sha2-nistp521': 60,
  'ssh-rsa': 20,
};

const keys: PrivateKey[] = [];
for (const type of Object.keys(runs)) keys.push(await generateKey(type, type === 'ssh-rsa' ? { bits: 2048 } : {}));

for (const key of keys) {
  const { publicKey } = key;
  test(`${key.type}: signatures verify, of every message`, async () => {
    const again = decodePublicKey(publicKey.blob);
    assert.ok(again.equals(publicKey));
    for (const algorithm of publicKey.signatureAlgorithms) {
      for (let run = 0; run < (runs[key.type] as number); run++) {
        const data = Buffer.from(`${run} ${algorithm}`);
        const signature = await key.sign(data, algorithm);
        assert.ok(again.verify(data, signature, algorithm));
        assert.equal(decodeSignature(signature).algorithm, algorithm);
      }
    }
  });

  test(`${key.type}: a signature that is changed, cut, longer or of another algorithm is none`, async () => {
    const algorithm = publicKey.signatureAlgorithms[0] as string;
    const signature = await key.sign(message, algorithm);
    for (let at = 0; at < signature.length; at++) {
      assert.equal(publicKey.verify(message, signature.subarray(0, at), algorithm), false, `cut at ${at}`);
      const changed = Buffer.from(signature);
      changed[at] = (changed[at] as number) ^ (1 << (at % 8));
      assert.equal(publicKey.verify(message, changed, algorithm), false, `changed at ${at}`);
    }
    assert.equal(publicKey.verify(message, Buffer.concat([signature, Buffer.of(0)]), algorithm), false);
    assert.equal(publicKey.verify(Buffer.from('other'), signature, algorithm), false);
    const { body } = decodeSignature(signature);
    for (const { name } of publicKeyAlgorithms) {
      if (name === algorithm) continue;
      assert.equal(publicKey.verify(message, encodeSignature(name, body), name), false, name);
      assert.equal(publicKey.verify(message, signature, name), false, name);
      assert.equal(publicKey.verify(message, encodeSignature(name, body), algorithm), false, name);
    }
    assert.equal(publicKey.verify(message, encodeSignature(algorithm, Buffer.alloc(0)), algorithm), false);
    for (const other of keys) {
      if (other !== key) assert.equal(other.publicKey.verify(message, signature, algorithm), false);
    }
  });

  test(`${key.type}: signing refuses algorithms of other types and aborted calls`, async () => {
    await assert.rejects(key.sign(message, 'ssh-dss'), { code: 'misuse' });
    const aborted = AbortSignal.abort();
    const algorithm = publicKey.signatureAlgorithms[0] as string;
    await assert.rejects(key.sign(message, algorithm, { signal: aborted }), { code: 'aborted' });
  });
}

const [ed25519, p256, , p521, rsa] = keys as [PrivateKey, PrivateKey, PrivateKey, PrivateKey, PrivateKey];

test('ECDSA numbers keep their leading zeros apart: all lengths of r occur and verify', async () => {
  const lengths = new Map<number, number>();
  for (let run = 0; run < 5000 && !(lengths.has(31) && lengths.has(32) && lengths.has(33)); run++) {
    const data = Buffer.from(`${run}`);
    const signature = await p256.sign(data, p256.type);
    const length = new WireReader(decodeSignature(signature).body).string('r').length;
    if (lengths.has(length)) continue;
    lengths.set(length, run);
    assert.ok(p256.publicKey.verify(data, signature, p256.type), `r of ${length} bytes`);
  }
  assert.ok(lengths.has(31) && lengths.has(32) && lengths.has(33), [...lengths.keys()].join());
});

test('ECDSA: zero, negative, over-long and non-canonical numbers are refused', async () => {
  const body = decodeSignature(await p256.sign(message, p256.type)).body;
  const reader = new WireReader(body);
  const [r, s] = [reader.unsignedMpint(), reader.unsignedMpint()];
  const verify = (bytes: Uint8Array): boolean =>
    p256.publicKey.verify(message, encodeSignature(p256.type, bytes), p256.type);
  assert.ok(verify(encodeEcdsaBody(r, s)));
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
  assert.equal(verify(encodeEcdsaBody(Buffer.alloc(0), s)), false);
  assert.equal(verify(encodeEcdsaBody(r, Buffer.alloc(0))), false);
  assert.equal(verify(encodeEcdsaBody(order, order)), false);
  assert.equal(verify(encodeEcdsaBody(r, Buffer.concat([Buffer.of(1), s]))), false);
  assert.equal(
    verify(
      new WireWriter()
        .string(Buffer.concat([Buffer.of(0, 0), r]))
        .mpint(s)
        .finish(),
    ),
    false,
  );
  assert.equal(verify(new WireWriter().mpint(r).mpint(s).uint8(0).finish()), false);
  assert.equal(verify(new WireWriter().string(Buffer.alloc(40000, 1)).mpint(s).finish()), false);
});

test('RSA signatures whose leading zeros were cut verify, longer ones do not', async () => {
  let cut: { data: Buffer; body: Buffer } | undefined;
  for (let run = 0; cut === undefined && run < 5000; run++) {
    const data = Buffer.from(`${run}`);
    const { body } = decodeSignature(await rsa.sign(data, 'rsa-sha2-256'));
    assert.equal(body.length, 256);
    if (body[0] === 0) cut = { data, body };
  }
  assert.ok(cut, 'no signature began with a zero');
  const { data, body } = cut;
  const verify = (bytes: Buffer): boolean =>
    rsa.publicKey.verify(data, encodeSignature('rsa-sha2-256', bytes), 'rsa-sha2-256');
  assert.ok(verify(body));
  assert.ok(verify(body.subarray(1)));
  assert.equal(verify(Buffer.concat([Buffer.of(0), body])), false);
  assert.equal(verify(body.subarray(0, 255)), false);
});

test('Ed25519: S at or above the group order is refused', async () => {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const signature = await ed25519.sign(message, 'ssh-ed25519');
  const body = Buffer.from(decodeSignature(signature).body);
  const s = BigInt(`0x${Buffer.from(body.subarray(32)).reverse().toString('hex')}`) + order;
  body.set(Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse(), 32);
  assert.equal(ed25519.publicKey.verify(message, encodeSignature('ssh-ed25519', body), 'ssh-ed25519'), false);
});

test('Ed25519: public keys of small order are refused', () => {
  const small = [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    '0100000000000000000000000000000000000000000000000000000000000000',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ];
  for (const hex of small) {
    const blob = new WireWriter().string('ssh-ed25519').string(Buffer.from(hex, 'hex')).finish();
    assert.throws(() => decodePublicKey(blob), { code: 'bad-key', message: /small order/ }, hex);
  }
});

test('generating refuses what cannot be generated', async () => {
  await assert.rejects(generateKey('ssh-rsa', { bits: 512 }), { code: 'bad-key' });
  await assert.rejects(generateKey('ssh-rsa', { bits: 1e9 }), { code: 'bad-key' });
  await assert.rejects(generateKey('ssh-dss'), { code: 'unsupported' });
  await assert.rejects(generateKey('sk-ssh-ed25519@openssh.com'), { code: 'unsupported' });
  assert.equal(p521.publicKey.bits, 521);
  assert.equal(rsa.publicKey.bits, 2048);
  assert.equal(ed25519.publicKey.bits, 256);
});

/** Security keys whose token is this test. */
const application = 'ssh:nacre';
const edToken = generateEd25519();
const edSign = createEd25519Signer(edToken);
const skEd25519 = decodePublicKey(
  new WireWriter().string('sk-ssh-ed25519@openssh.com').string(edToken.publicKey).string(application).finish(),
);
const ecToken = generateEcdsa('nistp256');
const ecSign = createEcdsaSigner(ecToken);
const skEcdsa = decodePublicKey(
  new WireWriter()
    .string('sk-ecdsa-sha2-nistp256@openssh.com')
    .string('nistp256')
    .string(ecToken.point)
    .string(application)
    .finish(),
);

function tail(flags: number, counter: number): Buffer {
  return new WireWriter().uint8(flags).uint32(counter).finish();
}

function tokenSignature(key: PublicKey, flags: number, app = application): Buffer {
  const data = securityKeyData(app, flags, 77, message);
  if (key === skEd25519) return encodeSignature(key.type, edSign(data), tail(flags, 77));
  const { r, s } = ecSign(data);
  return encodeSignature(key.type, encodeEcdsaBody(r, s), tail(flags, 77));
}

test('security keys: touch is required unless waived, verification where asked for', () => {
  const { userPresent, userVerified } = authenticatorFlags;
  for (const key of [skEd25519, skEcdsa]) {
    const verify = (flags: number, options = {}): boolean =>
      key.verify(message, tokenSignature(key, flags), key.type, options);
    assert.equal(verify(userPresent), true);
    assert.equal(verify(0), false);
    assert.equal(verify(userVerified), false);
    assert.equal(verify(0, { requireUserPresence: false }), true);
    assert.equal(verify(userPresent, { requireUserVerification: true }), false);
    assert.equal(verify(userPresent | userVerified, { requireUserVerification: true }), true);
    assert.equal(verify(userVerified, { requireUserVerification: true }), false);
    const signature = tokenSignature(key, userPresent);
    for (let at = 0; at < signature.length; at++) {
      assert.equal(key.verify(message, signature.subarray(0, at), key.type), false, `cut at ${at}`);
      const changed = Buffer.from(signature);
      changed[at] = (changed[at] as number) ^ 0x10;
      assert.equal(key.verify(message, changed, key.type), false, `changed at ${at}`);
    }
    assert.equal(key.verify(message, Buffer.concat([signature, Buffer.of(0)]), key.type), false);
    assert.equal(key.verify(message, tokenSignature(key, userPresent, 'ssh:'), key.type), false);
  }
});

interface Webauthn {
  challenge?: string;
  origin?: string;
  type?: string;
  after?: string;
  flags?: number;
  extensions?: Buffer;
  clientData?: string;
}

const webauthn = 'webauthn-sk-ecdsa-sha2-nistp256@openssh.com';

function webauthnSignature(changes: Webauthn): Buffer {
  const { flags = 1, extensions = Buffer.alloc(0), origin = 'https://nacre.example' } = changes;
  const { challenge = message.toString('base64url'), type = 'webauthn.get', after = '' } = changes;
  const clientData = changes.clientData ?? `{"type":"${type}","challenge":"${challenge}","origin":"${origin}"${after}}`;
  const { r, s } = ecSign(securityKeyData(application, flags, 5, Buffer.from(clientData), extensions));
  const rest = new WireWriter().uint8(flags).uint32(5).string(origin).string(clientData).string(extensions).finish();
  return encodeSignature(webauthn, encodeEcdsaBody(r, s), rest);
}

test('webauthn signatures: challenge, origin, type, flags and extensions must be in place', () => {
  const verify = (changes: Webauthn): boolean => skEcdsa.verify(message, webauthnSignature(changes), webauthn);
  assert.equal(verify({}), true);
  assert.equal(verify({ after: ',"crossOrigin":false' }), true);
  assert.equal(verify({ flags: 0x81, extensions: Buffer.of(0xa0) }), true);
  assert.equal(verify({ challenge: Buffer.from('other').toString('base64url') }), false);
  assert.equal(verify({ challenge: `${message.toString('base64url')}=` }), false);
  assert.equal(verify({ type: 'webauthn.create' }), false);
  assert.equal(verify({ flags: 0 }), false);
  assert.equal(verify({ flags: 0x41 }), false);
  assert.equal(verify({ flags: 0x81 }), false);
  assert.equal(verify({ extensions: Buffer.of(0xa0) }), false);
  assert.equal(verify({ origin: 'https://a","x":"' }), false);
  assert.equal(verify({ clientData: '{}' }), false);
  assert.equal(verify({ after: 'x' }), false);
  const signature = webauthnSignature({});
  for (let at = 0; at < signature.length; at++) {
    assert.equal(skEcdsa.verify(message, signature.subarray(0, at), webauthn), false, `cut at ${at}`);
  }
  assert.equal(skEcdsa.verify(message, signature, skEcdsa.type), false);
});
