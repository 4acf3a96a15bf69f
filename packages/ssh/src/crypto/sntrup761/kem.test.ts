import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { createSntrup761 } from '@oqs/liboqs-js/kem';
import {
  ciphertextBytes,
  decapsulate,
  encapsulate,
  generateKeyPair,
  publicKeyBytes,
  secretKeyBytes,
  sharedSecretBytes,
} from './kem.ts';

/** liboqs takes Uint8Array proper. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A stream of bytes that a seed decides. */
function seeded(seed: string): (byteCount: number) => Buffer {
  let calls = 0;
  return (byteCount) => createHash('shake256', { outputLength: byteCount }).update(`${seed}/${calls++}`).digest();
}

interface Vectors {
  seeded: {
    seed: string;
    publicKeySha256: string;
    secretKeySha256: string;
    ciphertextSha256: string;
    sharedSecret: string;
    rejectedSecret: string;
  }[];
  liboqs: { publicKey: string; secretKey: string; ciphertext: string; sharedSecret: string };
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../../../test/vectors/sntrup761.json', import.meta.url), 'utf8'),
) as Vectors;

test('sizes are those of the standard', () => {
  assert.deepEqual([publicKeyBytes, secretKeyBytes, ciphertextBytes, sharedSecretBytes], [1158, 1763, 1039, 32]);
  const { publicKey, secretKey } = generateKeyPair();
  const { ciphertext, sharedSecret } = encapsulate(publicKey);
  assert.deepEqual(
    [publicKey.length, secretKey.length, ciphertext.length, sharedSecret.length],
    [1158, 1763, 1039, 32],
  );
});

test('liboqs and this agree in every direction', async () => {
  const liboqs = await createSntrup761();
  try {
    for (let run = 0; run < 6; run++) {
      const ours = generateKeyPair();
      const theirs = liboqs.generateKeyPair();
      const toOurs = liboqs.encapsulate(plain(ours.publicKey));
      assert.deepEqual(plain(decapsulate(ours.secretKey, toOurs.ciphertext)), toOurs.sharedSecret);
      const toTheirs = encapsulate(theirs.publicKey);
      const opened = liboqs.decapsulate(plain(toTheirs.ciphertext), theirs.secretKey);
      assert.deepEqual(plain(toTheirs.sharedSecret), opened);
      // Their code reads our secret key, and ours theirs.
      const own = encapsulate(ours.publicKey);
      assert.deepEqual(plain(own.sharedSecret), liboqs.decapsulate(plain(own.ciphertext), plain(ours.secretKey)));
      assert.deepEqual(decapsulate(theirs.secretKey, toTheirs.ciphertext), toTheirs.sharedSecret);
    }
  } finally {
    liboqs.destroy();
  }
});

test('a changed or invented ciphertext gives the rejected secret that liboqs gives', async () => {
  const liboqs = await createSntrup761();
  try {
    const { publicKey, secretKey } = generateKeyPair();
    const { ciphertext, sharedSecret } = encapsulate(publicKey);
    const forged = [0, 500, 1006, 1007, 1038].map((at) => {
      const changed = Buffer.from(ciphertext);
      changed[at] = changed[at]! ^ 1;
      return changed;
    });
    forged.push(Buffer.alloc(ciphertextBytes), Buffer.alloc(ciphertextBytes, 0xff), randomBytes(ciphertextBytes));
    const secrets = new Set<string>();
    for (const bad of forged) {
      const rejected = decapsulate(secretKey, bad);
      assert.notDeepEqual(rejected, sharedSecret);
      assert.deepEqual(rejected, decapsulate(secretKey, bad));
      assert.deepEqual(plain(rejected), liboqs.decapsulate(plain(bad), plain(secretKey)));
      secrets.add(rejected.toString('hex'));
    }
    assert.equal(secrets.size, forged.length);
  } finally {
    liboqs.destroy();
  }
});

test('fixed seeds give the recorded keys, ciphertexts and secrets', () => {
  assert.ok(vectors.seeded.length >= 3);
  for (const vector of vectors.seeded) assert.deepEqual(runSeed(vector.seed), vector);
});

test('a secret key and ciphertext that liboqs made give its secret', () => {
  const [secretKey, ciphertext] = [vectors.liboqs.secretKey, vectors.liboqs.ciphertext].map((text) =>
    Buffer.from(text, 'base64'),
  ) as [Buffer, Buffer];
  assert.equal(decapsulate(secretKey, ciphertext).toString('hex'), vectors.liboqs.sharedSecret);
});

function runSeed(seed: string): Vectors['seeded'][number] {
  const random = seeded(seed);
  const { publicKey, secretKey } = generateKeyPair(random);
  const { ciphertext, sharedSecret } = encapsulate(publicKey, random);
  assert.deepEqual(decapsulate(secretKey, ciphertext), sharedSecret);
  const changed = Buffer.from(ciphertext);
  changed[0] = changed[0]! ^ 1;
  return {
    seed,
    publicKeySha256: sha256(publicKey),
    secretKeySha256: sha256(secretKey),
    ciphertextSha256: sha256(ciphertext),
    sharedSecret: sharedSecret.toString('hex'),
    rejectedSecret: decapsulate(secretKey, changed).toString('hex'),
  };
}
