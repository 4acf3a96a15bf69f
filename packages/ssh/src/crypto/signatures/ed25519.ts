/** Ed25519 signatures (RFC 8032). */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { randomBytes } from '../random.ts';
import { badNumbers, type Ed25519PrivateNumbers } from './numbers.ts';

export const ed25519KeyBytes = 32;
export const ed25519SignatureBytes = 64;

/**
 * A verifier for a 32-byte public key.
 *
 * @throws SshError `bad-key` for a key of another length or of small order: signatures under such a key fit any message.
 */
export function createEd25519Verifier(publicKey: Uint8Array): (data: Uint8Array, signature: Uint8Array) => boolean {
  if (publicKey.length !== ed25519KeyBytes) {
    throw badNumbers(`an Ed25519 public key has ${ed25519KeyBytes} bytes, this one has ${publicKey.length}`);
  }
  if (hasSmallOrder(publicKey)) throw badNumbers('the Ed25519 public key is a point of small order');
  const x = Buffer.from(publicKey).toString('base64url');
  let key: KeyObject | undefined;
  return (data, signature) => {
    if (signature.length !== ed25519SignatureBytes) return false;
    key ??= createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return verify(null, data, key, signature);
  };
}

/** A signer for a private key; the public half is derived from the seed and must be the one given. */
export function createEd25519Signer(numbers: Ed25519PrivateNumbers): (data: Uint8Array) => Buffer {
  const key = importSeed(numbers.seed);
  if (!derivePublic(key).equals(numbers.publicKey)) {
    throw badNumbers('the Ed25519 private key does not belong to its public key');
  }
  return (data) => sign(null, data, key);
}

/** Both halves of the key that a seed stands for. */
export function ed25519FromSeed(seed: Uint8Array): Ed25519PrivateNumbers {
  return { kind: 'ed25519', seed: Buffer.from(seed), publicKey: derivePublic(importSeed(seed)) };
}

export function generateEd25519(): Ed25519PrivateNumbers {
  return ed25519FromSeed(randomBytes(ed25519KeyBytes));
}

/** PrivateKeyInfo of RFC 8410 §7, up to the seed. A JWK would do, but asks for the public half as well. */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

function importSeed(seed: Uint8Array): KeyObject {
  if (seed.length !== ed25519KeyBytes) {
    throw badNumbers(`an Ed25519 private key has ${ed25519KeyBytes} bytes, this one has ${seed.length}`);
  }
  return createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: 'der', type: 'pkcs8' });
}

function derivePublic(privateKey: KeyObject): Buffer {
  return Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x as string, 'base64url');
}

/** The y coordinates, little-endian and with the sign bit cleared, of all points whose order divides 8, and their unreduced forms. */
const smallOrderCoordinates = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

function hasSmallOrder(publicKey: Uint8Array): boolean {
  const y = Buffer.from(publicKey);
  y[31] = (y[31] as number) & 0x7f;
  return smallOrderCoordinates.has(y.toString('hex'));
}
