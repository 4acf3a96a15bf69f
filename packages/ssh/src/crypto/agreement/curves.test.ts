import assert from 'node:assert/strict';
import test from 'node:test';
import { SshError } from '../../errors.ts';
import type { Curve } from './curve.ts';
import { curveAgreement } from './curve-agreement.ts';
import { nistp256, nistp384, nistp521 } from './nist-curve.ts';
import { x25519 } from './x25519.ts';

const hex = (text: string) => Buffer.from(text, 'hex');
const isRefusal = (error: unknown) =>
  error instanceof SshError && error.code === 'kex-failed' && error.disconnect === 3;

test('X25519 gives the answers of RFC 7748 §5.2 and §6.1', () => {
  const answers = [
    [
      'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
      'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
      'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
    ],
    // The top bit of this point is set, and must not count.
    [
      '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
      'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
      '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
    ],
  ] as const;
  for (const [privateKey, point, secret] of answers) {
    assert.equal(x25519.generateKeyPair(hex(privateKey)).agree(hex(point)).toString('hex'), secret);
  }
  const alice = x25519.generateKeyPair(hex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'));
  const bob = x25519.generateKeyPair(hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'));
  assert.equal(alice.publicKey.toString('hex'), '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
  assert.equal(bob.publicKey.toString('hex'), 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
  const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
  assert.equal(alice.agree(bob.publicKey).toString('hex'), shared);
  assert.equal(bob.agree(alice.publicKey).toString('hex'), shared);
});

test('X25519 refuses every point of small order', () => {
  const points = [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
    '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000080',
  ];
  const keyPair = x25519.generateKeyPair();
  for (const point of points) assert.throws(() => keyPair.agree(hex(point)), isRefusal, point);
});

test('the NIST curves give the answers of RFC 5903 §8', () => {
  const answers: [Curve, string, string, string][] = [
    [
      nistp256,
      'c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433',
      'c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53',
      'd6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de',
    ],
    [
      nistp384,
      '099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655e35b538041e649ee3faef896783ab194',
      '41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942e0308312916b8ed2960e4bd55a7448fc',
      '11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4d603135569b9e9d09cf5d4a270f59746',
    ],
    [
      nistp521,
      '0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a095aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52',
      '0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9',
      '01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea',
    ],
  ];
  for (const [curve, left, right, secret] of answers) {
    const one = curve.generateKeyPair(hex(left));
    const other = curve.generateKeyPair(hex(right));
    assert.equal(one.agree(other.publicKey).toString('hex'), secret, curve.label);
    assert.equal(other.agree(one.publicKey).toString('hex'), secret, curve.label);
  }
  assert.equal(
    nistp256
      .generateKeyPair(hex('c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433'))
      .publicKey.toString('hex'),
    '04dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c37725811805271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3',
  );
});

for (const curve of [nistp256, nistp384, nistp521]) {
  test(`${curve.label} refuses points off the curve and every form but the uncompressed`, () => {
    const keyPair = curve.generateKeyPair();
    const { publicKey } = curve.generateKeyPair();
    const end = publicKey.length - 1;
    const offCurve = Buffer.from(publicKey);
    offCurve[end] = offCurve[end]! ^ 1;
    const fieldBytes = (publicKey.length - 1) / 2;
    const compressed = Buffer.concat([Buffer.of(2 + (publicKey[end]! & 1)), publicKey.subarray(1, 1 + fieldBytes)]);
    const hybridForm = Buffer.from(publicKey);
    hybridForm[0] = 6 + (publicKey[end]! & 1);
    const tooLarge = Buffer.alloc(publicKey.length, 0xff);
    tooLarge[0] = 4;
    const zero = Buffer.alloc(publicKey.length);
    zero[0] = 4;
    const infinity = Buffer.of(0);
    const bad = [offCurve, compressed, hybridForm, tooLarge, zero, infinity, Buffer.alloc(publicKey.length)];
    for (const point of bad) assert.throws(() => keyPair.agree(point), isRefusal);
    assert.equal(keyPair.agree(publicKey).length, fieldBytes);
  });
}

/** Private keys, told apart by two bytes, whose secret with the peer below has its top bit set or begins with a zero byte. */
const telling: [Curve, topBit: number, zeroFirst: number][] = [
  [x25519, 1, 86],
  [nistp256, 1, 795],
  [nistp384, 3, 2697],
  [nistp521, 4, 342],
];

for (const [curve, topBit, zeroFirst] of telling) {
  const fieldBytes = curve === x25519 ? 32 : (curve.publicKeyBytes - 1) / 2;
  const pattern = (fill: number, variation?: number) => {
    const key = Buffer.alloc(fieldBytes, fill);
    key[0] = 0;
    if (variation !== undefined) key.writeUInt16BE(variation, fieldBytes - 4);
    return curve.generateKeyPair(key);
  };
  const peer = pattern(1);

  /** The secret as the curve gives it, and as both halves of the method do. */
  const agreeWith = async (variation: number): Promise<[raw: Buffer, secret: Buffer]> => {
    const ours = pattern(2, variation);
    const agreement = curveAgreement('test', 'sha256', { ...curve, generateKeyPair: () => ours });
    const { secret } = await agreement.respond(peer.publicKey);
    assert.deepEqual(await (await agreement.start()).finish(peer.publicKey), secret);
    const raw = ours.agree(peer.publicKey);
    assert.equal(raw.length, fieldBytes);
    return [raw, secret];
  };

  test(`${curve.label}: a secret with its top bit set stays positive`, async () => {
    const [raw, secret] = await agreeWith(topBit);
    // The first byte of P-521 holds one bit: the zero is there already.
    assert.deepEqual(secret, curve === nistp521 ? raw : Buffer.concat([Buffer.alloc(1), raw]));
    assert.equal(secret[0], 0);
    assert.ok(secret[1]! >= 0x80);
  });

  test(`${curve.label}: a secret with zeros in front loses them`, async () => {
    const [raw, secret] = await agreeWith(zeroFirst);
    assert.equal(raw[0], 0);
    assert.ok(raw.length > secret.length);
    assert.equal(BigInt(`0x${secret.toString('hex')}`), BigInt(`0x${raw.toString('hex')}`));
    assert.ok(secret[0] !== 0 || secret[1]! >= 0x80);
  });
}
