/** Blobs that are cut, changed, or lie about their type, curve or size. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import { decodePublicKey, generateKey, parsePublicKey } from './index.ts';

const folder = fileURLToPath(new URL('../../../../test/vectors/keys/', import.meta.url));
const blobs = readdirSync(folder)
  .filter((name) => /\.(pub|cert)$/.test(name))
  .map((name) => ({ name, blob: parsePublicKey(readFileSync(folder + name, 'utf8')).key.blob }));

test('every blob comes back as it went in, and its memory is its own', () => {
  for (const { name, blob } of blobs) {
    const source = Buffer.from(blob);
    const key = decodePublicKey(source);
    source.fill(0);
    assert.ok(key.blob.equals(blob), name);
    assert.equal(key.type, new WireReader(blob).ascii());
    assert.equal(key.plain.certificate, undefined);
    assert.equal(key.certificate === undefined, name.endsWith('.pub'));
  }
});

test('every cut, and every byte too many, is an SshError', () => {
  for (const { name, blob } of blobs) {
    for (let at = 0; at < blob.length; at++) {
      assert.throws(() => decodePublicKey(blob.subarray(0, at)), SshError, `${name} at ${at}`);
    }
    assert.throws(() => decodePublicKey(Buffer.concat([blob, Buffer.of(0)])), SshError, name);
  }
});

test('every changed byte gives a key or an SshError', () => {
  for (const { blob } of blobs) {
    for (let at = 0; at < blob.length; at++) {
      const changed = Buffer.from(blob);
      changed[at] = (changed[at] as number) ^ (1 << (at % 8));
      try {
        assert.ok(decodePublicKey(changed).blob.equals(changed));
      } catch (error) {
        if (!(error instanceof SshError)) throw error;
      }
    }
  }
});

test('any bytes after any type name give a key or an SshError', () => {
  const types = [...new Set(blobs.map(({ blob }) => new WireReader(blob).ascii()))];
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 200 }), (type, bytes) => {
      try {
        decodePublicKey(new WireWriter().string(type).fixed(bytes).finish());
      } catch (error) {
        if (!(error instanceof SshError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
});

test('the name is judged before anything else of the blob', () => {
  const broken = new WireWriter().string('ssh-ed25519').finish();
  assert.throws(() => decodePublicKey(broken, { allowedTypes: ['ssh-rsa'] }), {
    code: 'bad-key',
    message: /allowed are/,
  });
  const unknown = new WireWriter().string('x-secret@example').finish();
  assert.throws(() => decodePublicKey(unknown), { code: 'unsupported' });
  assert.throws(() => decodePublicKey(new WireWriter().string('ssh-dss').finish()), { code: 'unsupported' });
  const long = new WireWriter().string('a'.repeat(65)).finish();
  assert.throws(() => decodePublicKey(long), { code: 'bad-key' });
});

test('one ECDSA curve cannot stand in for another', async () => {
  const p256 = await generateKey('ecdsa-sha2-nistp256');
  const reader = new WireReader(p256.publicKey.blob);
  reader.string();
  const [curve, point] = [reader.ascii(), reader.string()];
  const build = (type: string, name: string, q: Uint8Array) =>
    new WireWriter().string(type).string(name).string(q).finish();
  assert.ok(decodePublicKey(build('ecdsa-sha2-nistp256', curve, point)));
  const offCurve = Buffer.from(point);
  offCurve[64] = (offCurve[64] as number) ^ 1;
  const prime = Buffer.from('ffffffff00000001000000000000000000000000ffffffffffffffffffffffff', 'hex');
  const refused = [
    build('ecdsa-sha2-nistp384', curve, point),
    build('ecdsa-sha2-nistp384', 'nistp384', point),
    build('ecdsa-sha2-nistp256', 'nistp384', point),
    build('ecdsa-sha2-nistp256', curve, offCurve),
    build('ecdsa-sha2-nistp256', curve, Buffer.alloc(65, 4)),
    build('ecdsa-sha2-nistp256', curve, Buffer.concat([Buffer.of(4), prime, prime])),
    build('ecdsa-sha2-nistp256', curve, Buffer.concat([Buffer.of(2), point.subarray(1, 33)])),
    build('ecdsa-sha2-nistp256', curve, Buffer.of(0)),
    build('ecdsa-sha2-nistp256', curve, Buffer.alloc(0)),
  ];
  for (const blob of refused) assert.throws(() => decodePublicKey(blob), { code: 'bad-key' });
});

test('RSA numbers have bounds', () => {
  const build = (e: Buffer, n: Buffer) => new WireWriter().string('ssh-rsa').mpint(e).mpint(n).finish();
  const modulus = (bits: number) => {
    const n = Buffer.alloc(Math.ceil(bits / 8), 0xff);
    n[0] = 0xff >> ((8 - (bits % 8)) % 8);
    return n;
  };
  const e = Buffer.from('010001', 'hex');
  assert.equal(decodePublicKey(build(e, modulus(2048))).bits, 2048);
  assert.equal(decodePublicKey(build(e, modulus(2047))).bits, 2047);
  assert.equal(decodePublicKey(build(e, modulus(1024))).bits, 1024);
  assert.equal(decodePublicKey(build(e, modulus(16384))).bits, 16384);
  assert.equal(decodePublicKey(build(Buffer.from('01ffffffff', 'hex'), modulus(2048))).bits, 2048);
  const even = modulus(2048);
  even[255] = 0xfe;
  const refused = [
    build(e, modulus(1023)),
    build(e, modulus(16385)),
    build(e, even),
    build(e, Buffer.alloc(0)),
    build(Buffer.alloc(0), modulus(2048)),
    build(Buffer.of(1), modulus(2048)),
    build(Buffer.of(2), modulus(2048)),
    build(Buffer.from('010000', 'hex'), modulus(2048)),
    build(Buffer.from('0200000001', 'hex'), modulus(2048)),
    build(Buffer.from('010000000001', 'hex'), modulus(2048)),
    build(modulus(2048), modulus(2048)),
    new WireWriter().string('ssh-rsa').string(e).string(Buffer.alloc(256, 0xff)).finish(),
  ];
  for (const blob of refused) assert.throws(() => decodePublicKey(blob), { code: 'bad-key' });
});
