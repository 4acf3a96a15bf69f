/** Diffie-Hellman in the numbers modulo a prime (RFC 4253 §8): fixed groups, and those a server chooses. */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject, randomBytes } from 'node:crypto';
import type { AgreementInitiator, AgreementResponse } from '../key-agreement.ts';
import { decodeMpintBody, encodeMpintBody } from './mpint.ts';
import { refusal } from './refusal.ts';

/** A group: unsigned big-endian numbers without zeros in front. */
export interface FiniteFieldGroup {
  readonly prime: Buffer;
  readonly generator: Buffer;
}

/**
 * Bytes of a private exponent: twice the 256 bits of the longest key derived from it, so that finding the exponent costs
 * no less than finding the key. NIST SP 800-56A asks for twice the strength of the group, which is 400 bits for the
 * largest here. An exponent of the prime's size would cost up to 16 times the time.
 */
const exponentBytes = 64;

/** @param exponent - the private exponent to take instead of a new one, for tests of known answers. */
export function startFiniteField(group: FiniteFieldGroup, exponent?: Uint8Array): AgreementInitiator {
  const { value, privateKey } = generateShare(group, exponent === undefined ? drawExponent() : Buffer.from(exponent));
  return { value, finish: (responderValue) => deriveSecret(group, privateKey, responderValue) };
}

export function respondFiniteField(group: FiniteFieldGroup, initiatorValue: Uint8Array): AgreementResponse {
  // Refused before the costly part.
  requirePublicValue(group, initiatorValue);
  const { value, privateKey } = generateShare(group, drawExponent());
  return { value, secret: deriveSecret(group, privateKey, initiatorValue) };
}

function drawExponent(): Buffer {
  const exponent = randomBytes(exponentBytes);
  // Full length always, so that neither the time taken nor luck says that it is a small one.
  exponent[0] = exponent[0]! | 0x80;
  return exponent;
}

function generateShare(group: FiniteFieldGroup, exponent: Uint8Array): { value: Buffer; privateKey: KeyObject } {
  const key = sequence(unsignedInteger(Uint8Array.of(0)), algorithm(group), tagged(0x04, unsignedInteger(exponent)));
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  key.fill(0);
  exponent.fill(0);
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { value: lastInteger(publicKey), privateKey };
}

function deriveSecret(group: FiniteFieldGroup, privateKey: KeyObject, peerValue: Uint8Array): Buffer {
  const unsigned = requirePublicValue(group, peerValue);
  let secret: Buffer;
  try {
    const key = sequence(algorithm(group), tagged(0x03, Uint8Array.of(0), unsignedInteger(unsigned)));
    secret = diffieHellman({ privateKey, publicKey: createPublicKey({ key, format: 'der', type: 'spki' }) });
  } catch (error) {
    throw refusal('the Diffie-Hellman value gives no secret', error);
  }
  const body = encodeMpintBody(secret);
  // Possible only where the peer chose the group as well.
  if (body.length <= 1 && (body[0] ?? 0) <= 1) throw refusal('the Diffie-Hellman secret is 0 or 1');
  return body;
}

/** RFC 4253 §8 takes 1 to p-1; 1 and p-1 have but two powers, so 2 to p-2 it is. */
function requirePublicValue(group: FiniteFieldGroup, body: Uint8Array): Uint8Array {
  const value = decodeMpintBody(body, 'the Diffie-Hellman value');
  if (!isInnerElement(value, group.prime)) {
    throw refusal('the Diffie-Hellman value is not between 2 and the prime less 2');
  }
  return value;
}

/** Whether 2 <= value <= prime - 2, for an odd prime, both without zeros in front. */
export function isInnerElement(value: Uint8Array, prime: Buffer): boolean {
  if (value.length === 0 || (value.length === 1 && value[0]! < 2)) return false;
  if (value.length !== prime.length) return value.length < prime.length;
  // An odd prime less 1 differs in its last byte alone.
  const end = prime.length - 1;
  const higher = Buffer.compare(value.subarray(0, end), prime.subarray(0, end));
  return higher < 0 || (higher === 0 && value[end]! < prime[end]! - 1);
}

// node:crypto's DiffieHellman class would test the prime at every construction (seconds for 8192 bits) and makes
// exponents of full size; keys in DER let us choose the exponent and skip the test.

const dhKeyAgreement = Buffer.from('06092a864886f70d010301', 'hex');

function algorithm(group: FiniteFieldGroup): Buffer {
  return sequence(dhKeyAgreement, sequence(unsignedInteger(group.prime), unsignedInteger(group.generator)));
}

/** DER's INTEGER and SSH's mpint have the same body, but for zero, which DER spells with a byte. */
function unsignedInteger(unsigned: Uint8Array): Buffer {
  const body = encodeMpintBody(unsigned);
  return tagged(0x02, body.length === 0 ? Buffer.alloc(1) : body);
}

function sequence(...parts: Uint8Array[]): Buffer {
  return tagged(0x30, ...parts);
}

function tagged(tag: number, ...parts: Uint8Array[]): Buffer {
  const byteCount = parts.reduce((sum, part) => sum + part.length, 0);
  const head =
    byteCount < 0x80
      ? [tag, byteCount]
      : byteCount < 0x100
        ? [tag, 0x81, byteCount]
        : [tag, 0x82, byteCount >> 8, byteCount & 0xff];
  return Buffer.concat([Buffer.from(head), ...parts]);
}

/** The INTEGER in the BIT STRING at the end of our own key's SubjectPublicKeyInfo. */
function lastInteger(der: Buffer): Buffer {
  const outer = content(der, 0);
  const parameters = content(der, outer.start);
  const bits = content(der, parameters.end);
  const integer = content(der, bits.start + 1);
  return Buffer.from(der.subarray(integer.start, integer.end));
}

function content(der: Buffer, at: number): { start: number; end: number } {
  const first = der[at + 1]!;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const byteCount = lengthBytes === 0 ? first : der.readUIntBE(at + 2, lengthBytes);
  const start = at + 2 + lengthBytes;
  return { start, end: start + byteCount };
}
