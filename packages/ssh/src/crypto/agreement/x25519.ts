/** X25519 (RFC 7748): the curve half of the hybrids, and the whole of curve25519-sha256. */
import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Curve, CurveKeyPair } from './curve.ts';
import { refusal, requireLength } from './refusal.ts';

/** SubjectPublicKeyInfo and PKCS #8 in front of the 32 bytes: the forms of raw keys that Node 20 can take as well. */
const publicKeyPrefix = Buffer.from('302a300506032b656e032100', 'hex');
const privateKeyPrefix = Buffer.from('302e020100300506032b656e04220420', 'hex');

const keyBytes = 32;

export const x25519: Curve = {
  label: 'X25519',
  publicKeyBytes: keyBytes,
  generateKeyPair(privateKeyBytes?: Uint8Array): CurveKeyPair {
    const privateKey = privateKeyBytes === undefined ? generateKey() : importKey(privateKeyBytes);
    const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    return {
      publicKey: publicKey.subarray(publicKeyPrefix.length),
      agree: (peerPublicKey) => derive(privateKey, peerPublicKey),
    };
  },
};

function derive(privateKey: KeyObject, peerPublicKey: Uint8Array): Buffer {
  requireLength(peerPublicKey, keyBytes, 'the X25519 public key');
  let secret: Buffer;
  try {
    const key = Buffer.concat([publicKeyPrefix, peerPublicKey]);
    secret = diffieHellman({ privateKey, publicKey: createPublicKey({ key, format: 'der', type: 'spki' }) });
  } catch (error) {
    // OpenSSL refuses the points of small order by itself.
    throw refusal('the X25519 public key gives no secret', error);
  }
  // RFC 8731 §3: a point of small order gives zeros whatever our key, so the peer alone would have chosen the secret.
  let anyBit = 0;
  for (const byte of secret) anyBit |= byte;
  if (anyBit === 0) throw refusal('the X25519 public key gives an all-zero secret');
  return secret;
}

function generateKey(): KeyObject {
  return generateKeyPairSync('x25519').privateKey;
}

function importKey(privateKey: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([privateKeyPrefix, privateKey]), format: 'der', type: 'pkcs8' });
}
