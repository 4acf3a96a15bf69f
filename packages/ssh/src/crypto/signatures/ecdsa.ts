/** ECDSA signatures over the NIST curves (RFC 5656 §3.1.2). */
import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { badNumbers, type EcdsaCurve, type EcdsaPrivateNumbers, padStart } from './numbers.ts';

interface CurveRow {
  readonly bits: number;
  /** Bytes of a coordinate and of a scalar. */
  readonly bytes: number;
  /** RFC 5656 §6.2.1: the hash follows from the curve's size. */
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  readonly jwkName: string;
  readonly opensslName: string;
}

export const ecdsaCurves: Readonly<Record<EcdsaCurve, CurveRow>> = {
  nistp256: { bits: 256, bytes: 32, hash: 'sha256', jwkName: 'P-256', opensslName: 'prime256v1' },
  nistp384: { bits: 384, bytes: 48, hash: 'sha384', jwkName: 'P-384', opensslName: 'secp384r1' },
  nistp521: { bits: 521, bytes: 66, hash: 'sha512', jwkName: 'P-521', opensslName: 'secp521r1' },
};

export interface EcdsaSignature {
  /** Unsigned big-endian, of any length. */
  readonly r: Uint8Array;
  readonly s: Uint8Array;
}

/**
 * A verifier for an uncompressed point.
 *
 * @throws SshError `bad-key` unless the point is whole, uncompressed and on the curve.
 */
export function createEcdsaVerifier(
  curve: EcdsaCurve,
  point: Uint8Array,
): (data: Uint8Array, signature: EcdsaSignature) => boolean {
  const row = ecdsaCurves[curve];
  const key = importPoint(row, point);
  return (data, { r, s }) => {
    const halves = [padStart(r, row.bytes), padStart(s, row.bytes)] as const;
    if (halves[0] === undefined || halves[1] === undefined) return false;
    return verify(row.hash, data, { key, dsaEncoding: 'ieee-p1363' }, Buffer.concat([halves[0], halves[1]]));
  };
}

/** A signer for a private key; its public point must be the one that the scalar gives. */
export function createEcdsaSigner(numbers: EcdsaPrivateNumbers): (data: Uint8Array) => EcdsaSignature {
  const row = ecdsaCurves[numbers.curve];
  const derived = ecdsaFromScalar(numbers.curve, numbers.scalar);
  if (!derived.point.equals(numbers.point)) {
    throw badNumbers(`the ${numbers.curve} private key does not belong to its public key`);
  }
  const jwk = { ...toJwk(row, derived.point), d: derived.scalar.toString('base64url') };
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  return (data) => {
    const both = sign(row.hash, data, { key, dsaEncoding: 'ieee-p1363' });
    return { r: both.subarray(0, row.bytes), s: both.subarray(row.bytes) };
  };
}

/** Both halves of the key that a scalar stands for; the scalar comes back padded to the curve's size. */
export function ecdsaFromScalar(curve: EcdsaCurve, scalar: Uint8Array): EcdsaPrivateNumbers {
  const row = ecdsaCurves[curve];
  const padded = padStart(scalar, row.bytes);
  if (padded === undefined) throw badNumbers(`the ${curve} private key is longer than ${row.bytes} bytes`);
  const ecdh = createECDH(row.opensslName);
  try {
    ecdh.setPrivateKey(padded);
    return { kind: 'ecdsa', curve, scalar: padded, point: ecdh.getPublicKey() };
  } catch (cause) {
    throw badNumbers(`the ${curve} private key is zero or not below the curve's order`, { cause });
  }
}

export function generateEcdsa(curve: EcdsaCurve): EcdsaPrivateNumbers {
  const ecdh = createECDH(ecdsaCurves[curve].opensslName);
  ecdh.generateKeys();
  return ecdsaFromScalar(curve, ecdh.getPrivateKey());
}

function importPoint(row: CurveRow, point: Uint8Array): KeyObject {
  const expectedBytes = 1 + 2 * row.bytes;
  if (point.length !== expectedBytes || point[0] !== 4) {
    throw badNumbers(
      `a point on ${row.jwkName} is 04 and two coordinates, ${expectedBytes} bytes; got ${point.length} bytes`,
    );
  }
  try {
    return createPublicKey({ key: toJwk(row, point), format: 'jwk' });
  } catch (cause) {
    throw badNumbers(`the public key is not a point on ${row.jwkName}`, { cause });
  }
}

function toJwk(row: CurveRow, point: Uint8Array): JsonWebKey {
  const bytes = Buffer.from(point);
  return {
    kty: 'EC',
    crv: row.jwkName,
    x: bytes.subarray(1, 1 + row.bytes).toString('base64url'),
    y: bytes.subarray(1 + row.bytes).toString('base64url'),
  };
}
