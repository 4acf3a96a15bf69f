/** ML-KEM-768 (FIPS 203): node:crypto's where this Node has it, @noble/post-quantum's otherwise. */
import crypto from 'node:crypto';
import { toSshError } from '../errors.ts';
import { isForcedOff } from '../fast-paths.ts';

export const mlKem768PublicKeyBytes = 1184;
export const mlKem768CiphertextBytes = 1088;
export const mlKem768SharedSecretBytes = 32;

/** Key encapsulation with ML-KEM-768, whichever code does it. */
export interface MlKem768 {
  generateKeyPair(): MlKem768KeyPair;
  /**
   * @throws Error for an encapsulation key that fails FIPS 203 §7.2's checks: its length, and every coefficient below
   *   the modulus.
   */
  encapsulate(publicKey: Uint8Array): { ciphertext: Buffer; sharedSecret: Buffer };
}

export interface MlKem768KeyPair {
  readonly publicKey: Buffer;
  /**
   * A ciphertext that no encapsulation made gives a pseudo-random secret (implicit rejection).
   *
   * @throws Error for one of the wrong length.
   */
  decapsulate(ciphertext: Uint8Array): Buffer;
}

let loaded: MlKem768 | undefined;

/** The fastest implementation there is here; the package is loaded only if it is needed. */
export async function loadMlKem768(): Promise<MlKem768> {
  loaded ??= nativeMlKem768() ?? (await packagedMlKem768());
  return loaded;
}

/** SubjectPublicKeyInfo in front of the raw key: SEQUENCE { SEQUENCE { 2.16.840.1.101.3.4.4.2 }, BIT STRING }. */
const publicKeyPrefix = Buffer.from('308204b2300b0609608648016503040402038204a100', 'hex');

/** node:crypto's, or undefined where it has none (before Node 24.7, or built with an older OpenSSL) or it may not be used. */
export function nativeMlKem768(): MlKem768 | undefined {
  if (isForcedOff('NACRE_CRYPTO')) return undefined;
  if (typeof crypto.encapsulate !== 'function' || typeof crypto.decapsulate !== 'function') return undefined;
  try {
    crypto.generateKeyPairSync('ml-kem-768');
  } catch {
    return undefined;
  }
  return {
    generateKeyPair() {
      const { publicKey, privateKey } = crypto.generateKeyPairSync('ml-kem-768');
      return {
        publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(publicKeyPrefix.length),
        decapsulate: (ciphertext) => Buffer.from(crypto.decapsulate(privateKey, ciphertext)),
      };
    },
    encapsulate(publicKey) {
      // OpenSSL reads the DER it needs and takes no notice of more.
      if (publicKey.length !== mlKem768PublicKeyBytes) {
        throw new Error(`an ML-KEM-768 key has ${mlKem768PublicKeyBytes} bytes, not ${publicKey.length}`);
      }
      const key = crypto.createPublicKey({
        key: Buffer.concat([publicKeyPrefix, publicKey]),
        format: 'der',
        type: 'spki',
      });
      const { ciphertext, sharedKey } = crypto.encapsulate(key);
      return { ciphertext: Buffer.from(ciphertext), sharedSecret: Buffer.from(sharedKey) };
    },
  };
}

/**
 * \@noble/post-quantum's.
 *
 * @throws SshError code `unsupported` where the package is not installed.
 */
export async function packagedMlKem768(): Promise<MlKem768> {
  const { ml_kem768 } = await import('@noble/post-quantum/ml-kem.js').catch((error: unknown) => {
    throw toSshError(error, {
      code: 'unsupported',
      stage: 'kex',
      remedy: 'Install the package @noble/post-quantum, or run Node 24, which has ML-KEM itself.',
    });
  });
  return {
    generateKeyPair() {
      const { publicKey, secretKey } = ml_kem768.keygen();
      return {
        publicKey: Buffer.from(publicKey),
        decapsulate: (ciphertext) => Buffer.from(ml_kem768.decapsulate(ciphertext, secretKey)),
      };
    },
    encapsulate(publicKey) {
      const { cipherText, sharedSecret } = ml_kem768.encapsulate(publicKey);
      return { ciphertext: Buffer.from(cipherText), sharedSecret: Buffer.from(sharedSecret) };
    },
  };
}
