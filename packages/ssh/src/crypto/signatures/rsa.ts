/** RSA signatures, RSASSA-PKCS1-v1_5 (RFC 4253 §6.6, RFC 8332). */
import {
  constants,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import {
  badNumbers,
  fromBigInt,
  padStart,
  type RsaPrivateNumbers,
  type RsaPublicNumbers,
  toBigInt,
} from './numbers.ts';

export type RsaHash = 'sha1' | 'sha256' | 'sha512';

/** A verifier for a public key; OpenSSL imports the numbers when the first signature comes. */
export function createRsaVerifier(
  numbers: RsaPublicNumbers,
): (hash: RsaHash, data: Uint8Array, signature: Uint8Array) => boolean {
  let key: KeyObject | undefined;
  return (hash, data, signature) => {
    // Some peers cut leading zeros of the signature; OpenSSH pads it to the modulus, and never shortens it.
    if (signature.length > numbers.n.length || signature.length === 0) return false;
    const padded = Buffer.alloc(numbers.n.length);
    padded.set(signature, numbers.n.length - signature.length);
    key ??= createPublicKey({ key: publicJwk(numbers), format: 'jwk' });
    return verify(hash, data, { key, padding: constants.RSA_PKCS1_PADDING }, padded);
  };
}

/** A signer for a private key; signing runs in the thread pool. */
export function createRsaSigner(numbers: RsaPrivateNumbers): (hash: RsaHash, data: Uint8Array) => Promise<Buffer> {
  requireConsistentRsa(numbers);
  const key = importPrivate(numbers);
  return (hash, data) =>
    new Promise((resolve, reject) => {
      sign(hash, data, { key, padding: constants.RSA_PKCS1_PADDING }, (error, signature) => {
        if (error === null) resolve(signature);
        else reject(badNumbers(`RSA signing failed: ${error.message}`, { cause: error }));
      });
    });
}

export async function generateRsa(bits: number): Promise<RsaPrivateNumbers> {
  const key = await new Promise<KeyObject>((resolve, reject) => {
    generateKeyPair('rsa', { modulusLength: bits, publicExponent: 65537 }, (error, _publicKey, privateKey) => {
      if (error === null) resolve(privateKey);
      else reject(badNumbers(`generating an RSA key of ${bits} bits failed: ${error.message}`, { cause: error }));
    });
  });
  return rsaFromJwk(key.export({ format: 'jwk' }) as Record<string, string>);
}

/** The JWK form (RFC 7518 §6.3), with the two exponents that SSH formats leave out. */
export function rsaPrivateJwk(numbers: RsaPrivateNumbers): Record<string, string> & { kty: string } {
  const [d, p, q] = [toBigInt(numbers.d), toBigInt(numbers.p), toBigInt(numbers.q)];
  return {
    ...publicJwk(numbers),
    d: numbers.d.toString('base64url'),
    p: numbers.p.toString('base64url'),
    q: numbers.q.toString('base64url'),
    dp: fromBigInt(d % (p - 1n)).toString('base64url'),
    dq: fromBigInt(d % (q - 1n)).toString('base64url'),
    qi: numbers.qInverse.toString('base64url'),
  };
}

export function rsaFromJwk(jwk: Record<string, string>): RsaPrivateNumbers {
  const part = (name: string): Buffer => {
    const bytes = Buffer.from(jwk[name] ?? '', 'base64url');
    return padStart(bytes, bytes.length - leadingZeros(bytes)) as Buffer;
  };
  return { kind: 'rsa', n: part('n'), e: part('e'), d: part('d'), p: part('p'), q: part('q'), qInverse: part('qi') };
}

/**
 * Requires that the private numbers belong together and to the public ones.
 * A key whose parts disagree signs wrongly, and such a signature gives the factors away.
 */
export function requireConsistentRsa(numbers: RsaPrivateNumbers): void {
  const [n, e, d, p, q, qInverse] = [
    toBigInt(numbers.n),
    toBigInt(numbers.e),
    toBigInt(numbers.d),
    toBigInt(numbers.p),
    toBigInt(numbers.q),
    toBigInt(numbers.qInverse),
  ];
  const consistent =
    p > 1n &&
    q > 1n &&
    p * q === n &&
    d > 0n &&
    d < n &&
    (e * d) % (p - 1n) === 1n &&
    (e * d) % (q - 1n) === 1n &&
    qInverse < p &&
    (qInverse * q) % p === 1n;
  if (!consistent) throw badNumbers('the RSA private numbers do not belong to their public key');
}

function importPrivate(numbers: RsaPrivateNumbers): KeyObject {
  try {
    return createPrivateKey({ key: rsaPrivateJwk(numbers), format: 'jwk' });
  } catch (cause) {
    throw badNumbers('OpenSSL refuses the RSA private key', { cause });
  }
}

function publicJwk(numbers: RsaPublicNumbers): { kty: string; n: string; e: string } {
  return { kty: 'RSA', n: numbers.n.toString('base64url'), e: numbers.e.toString('base64url') };
}

function leadingZeros(bytes: Buffer): number {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? bytes.length : first;
}
