/** The numbers a key consists of, whichever format they were read from; all unsigned big-endian. */
import { SshError, type SshErrorInit } from '../../errors.ts';

export type EcdsaCurve = 'nistp256' | 'nistp384' | 'nistp521';

export interface Ed25519PrivateNumbers {
  readonly kind: 'ed25519';
  /** 32 bytes from which key and public key follow (RFC 8032 §5.1.5). */
  readonly seed: Buffer;
  readonly publicKey: Buffer;
}

export interface EcdsaPrivateNumbers {
  readonly kind: 'ecdsa';
  readonly curve: EcdsaCurve;
  /** 04 | x | y */
  readonly point: Buffer;
  readonly scalar: Buffer;
}

export interface RsaPublicNumbers {
  readonly n: Buffer;
  readonly e: Buffer;
}

export interface RsaPrivateNumbers extends RsaPublicNumbers {
  readonly kind: 'rsa';
  readonly d: Buffer;
  readonly p: Buffer;
  readonly q: Buffer;
  /** q^-1 mod p */
  readonly qInverse: Buffer;
}

/** The private keys that node:crypto can hold. */
export type PrivateNumbers = Ed25519PrivateNumbers | EcdsaPrivateNumbers | RsaPrivateNumbers;

/** Unsigned big-endian bytes, shortened or padded with zeros in front; undefined if they do not fit. */
export function padStart(unsigned: Uint8Array, byteCount: number): Buffer | undefined {
  let start = 0;
  while (start < unsigned.length && unsigned[start] === 0) start++;
  const digits = unsigned.subarray(start);
  if (digits.length > byteCount) return undefined;
  const padded = Buffer.alloc(byteCount);
  padded.set(digits, byteCount - digits.length);
  return padded;
}

export function toBigInt(unsigned: Uint8Array): bigint {
  return unsigned.length === 0 ? 0n : BigInt(`0x${Buffer.from(unsigned).toString('hex')}`);
}

export function fromBigInt(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

/** Number of significant bits. */
export function bitLength(unsigned: Uint8Array): number {
  const first = unsigned.findIndex((byte) => byte !== 0);
  if (first < 0) return 0;
  return (unsigned.length - first) * 8 - (Math.clz32(unsigned[first] as number) - 24);
}

export function badNumbers(message: string, init: Partial<SshErrorInit> = {}): SshError {
  return new SshError(message, { code: 'bad-key', stage: 'key', ...init });
}
