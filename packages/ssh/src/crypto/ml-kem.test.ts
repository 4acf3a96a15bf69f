import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { isForcedOff } from '../fast-paths.ts';
import {
  loadMlKem768,
  type MlKem768,
  mlKem768CiphertextBytes,
  mlKem768PublicKeyBytes,
  mlKem768SharedSecretBytes,
  nativeMlKem768,
  packagedMlKem768,
} from './ml-kem.ts';

const native = nativeMlKem768();
const packaged = await packagedMlKem768();
const implementations: [string, MlKem768][] = [['the package', packaged]];
if (native !== undefined) implementations.push(['node:crypto', native]);

test('the one that is loaded is native where there is a native one', async () => {
  const loaded = await loadMlKem768();
  assert.equal(loaded, await loadMlKem768());
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 25 && !isForcedOff('NACRE_CRYPTO')) assert.ok(native !== undefined);
  if (major < 24) assert.ok(native === undefined);
  const { publicKey } = loaded.generateKeyPair();
  assert.equal(publicKey.length, mlKem768PublicKeyBytes);
});

for (const [receiverName, receiver] of implementations) {
  for (const [senderName, sender] of implementations) {
    test(`${senderName} encapsulates, ${receiverName} decapsulates`, () => {
      for (let run = 0; run < 10; run++) {
        const keyPair = receiver.generateKeyPair();
        const { ciphertext, sharedSecret } = sender.encapsulate(keyPair.publicKey);
        assert.deepEqual(
          [keyPair.publicKey.length, ciphertext.length, sharedSecret.length],
          [mlKem768PublicKeyBytes, mlKem768CiphertextBytes, mlKem768SharedSecretBytes],
        );
        assert.deepEqual(keyPair.decapsulate(ciphertext), sharedSecret);
        const changed = Buffer.from(ciphertext);
        changed[run * 100] = changed[run * 100]! ^ 1;
        assert.notDeepEqual(keyPair.decapsulate(changed), sharedSecret);
        assert.deepEqual(keyPair.decapsulate(changed), keyPair.decapsulate(changed));
      }
    });
  }
}

for (const [name, implementation] of implementations) {
  test(`${name} refuses keys and ciphertexts of other lengths`, () => {
    const { publicKey, decapsulate } = implementation.generateKeyPair();
    for (const bad of [publicKey.subarray(1), Buffer.concat([publicKey, Buffer.alloc(1)]), Buffer.alloc(0)]) {
      assert.throws(() => implementation.encapsulate(bad));
    }
    for (const byteCount of [0, 1087, 1089]) assert.throws(() => decapsulate(randomBytes(byteCount)));
  });

  test(`${name} refuses a key with a coefficient that is not below the modulus (FIPS 203 §7.2)`, () => {
    const { publicKey } = implementation.generateKeyPair();
    for (const coefficient of [3329, 4095]) {
      for (const at of [0, 3 * 100, 1149]) {
        const bad = Buffer.from(publicKey);
        bad[at] = coefficient & 0xff;
        bad[at + 1] = (bad[at + 1]! & 0xf0) | (coefficient >> 8);
        assert.throws(() => implementation.encapsulate(bad));
      }
    }
    const good = Buffer.from(publicKey);
    good[0] = 3328 & 0xff;
    good[1] = (good[1]! & 0xf0) | (3328 >> 8);
    assert.equal(implementation.encapsulate(good).sharedSecret.length, mlKem768SharedSecretBytes);
  });
}
