/** Post-quantum hybrids: a key encapsulation and a curve side by side, K the hash of both secrets. */
import { createHash } from 'node:crypto';
import { SshError } from '../../errors.ts';
import type { HashName, KeyAgreement } from '../key-agreement.ts';
import type { Curve } from './curve.ts';
import { refusal, requireLength } from './refusal.ts';

/** The key encapsulation of a hybrid. */
export interface Kem {
  readonly label: string;
  readonly publicKeyBytes: number;
  readonly ciphertextBytes: number;
  generateKeyPair(): KemKeyPair | Promise<KemKeyPair>;
  /** Throws for a public key that its checks refuse. */
  encapsulate(publicKey: Uint8Array): KemResult | Promise<KemResult>;
}

export interface KemKeyPair {
  readonly publicKey: Buffer;
  decapsulate(ciphertext: Uint8Array): Buffer;
}

export interface KemResult {
  readonly ciphertext: Buffer;
  readonly sharedSecret: Buffer;
}

/**
 * A hybrid method: the initiator sends KEM public key | point, the responder ciphertext | point, and K is a plain string,
 * the hash of KEM secret | curve secret, both at full length. An attacker has to break both.
 */
export function hybridAgreement(name: string, hash: HashName, kem: Kem, curve: Curve): KeyAgreement {
  return {
    name,
    hash,
    postQuantum: true,
    async start() {
      const kemKeys = await kem.generateKeyPair();
      const curveKeys = curve.generateKeyPair();
      return {
        value: Buffer.concat([kemKeys.publicKey, curveKeys.publicKey]),
        finish(responderValue) {
          const what = `the reply (${kem.label} ciphertext and ${curve.label} public key)`;
          requireLength(responderValue, kem.ciphertextBytes + curve.publicKeyBytes, what);
          // The curve first: its refusals cost less than a decapsulation.
          const curveSecret = curveKeys.agree(responderValue.subarray(kem.ciphertextBytes));
          const kemSecret = kemKeys.decapsulate(responderValue.subarray(0, kem.ciphertextBytes));
          return combine(hash, kemSecret, curveSecret);
        },
      };
    },
    async respond(initiatorValue) {
      const what = `the initial value (${kem.label} and ${curve.label} public keys)`;
      requireLength(initiatorValue, kem.publicKeyBytes + curve.publicKeyBytes, what);
      const curveKeys = curve.generateKeyPair();
      const curveSecret = curveKeys.agree(initiatorValue.subarray(kem.publicKeyBytes));
      let encapsulated: KemResult;
      try {
        encapsulated = await kem.encapsulate(initiatorValue.subarray(0, kem.publicKeyBytes));
      } catch (error) {
        if (error instanceof SshError) throw error;
        throw refusal(`the ${kem.label} public key is invalid`, error);
      }
      return {
        value: Buffer.concat([encapsulated.ciphertext, curveKeys.publicKey]),
        secret: combine(hash, encapsulated.sharedSecret, curveSecret),
      };
    },
  };
}

function combine(hash: HashName, kemSecret: Buffer, curveSecret: Buffer): Buffer {
  const secret = createHash(hash).update(kemSecret).update(curveSecret).digest();
  kemSecret.fill(0);
  curveSecret.fill(0);
  return secret;
}
