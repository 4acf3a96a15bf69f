/** X25519 (RFC 7748): the curve half of the hybrids, and the whole of curve25519-sha256. */
import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import type { Curve, CurveKeyPair } from './curve.ts';
import { refusal, requireLength } from './refusal.ts';

/** SubjectPublicKeyInfo in front of the 32 bytes: the form of raw keys that Node 20 can take as well. */
const publicKeyPrefix = Buffer.from('302a300506032b656e032100', 'hex');

export const x25519: Curve = {
  label: 'X25519',
  publicKeyBytes: 32,
  generateKeyPair(): CurveKeyPair {
    const { publicKey, privateKey } = generateKeyPairSync('x25519');
    return {
      publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(publicKeyPrefix.length),
      agree: (peerPublicKey) => deriveX25519(privateKey, peerPublicKey),
    };
  },
};

/**
 * The 32 bytes that a private key and a peer's point give.
 *
 * @throws SshError code `kex-failed` for a point of small order, whose secret is all zeros whatever our key (RFC 8731 §3).
 */
export function deriveX25519(privateKey: Parameters<typeof diffieHellman>[0]['privateKey'], peer: Uint8Array): Buffer {
  requireLength(peer, 32, 'an X25519 public key');
  let secret: Buffer;
  try {
    const publicKey = createPublicKey({ key: Buffer.concat([publicKeyPrefix, peer]), format: 'der', type: 'spki' });
    secret = diffieHellman({ privateKey, publicKey });
  } catch (error) {
    // OpenSSL refuses small orders by itself.
    throw refusal('the X25519 public key gives no secret', error);
  }
  let anyBit = 0;
  for (const byte of secret) anyBit |= byte;
  if (anyBit === 0) throw refusal('the X25519 public key gives an all-zero secret');
  return secret;
}
