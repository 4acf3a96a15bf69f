/** Streamlined NTRU Prime 761, the key encapsulation of `sntrup761x25519-sha512` (RFC 9941). */
import { createHash, randomBytes as systemRandomBytes } from 'node:crypto';
import {
  decodeRounded,
  decodeSmall,
  decodeWide,
  encodeRounded,
  encodeSmall,
  encodeWide,
  roundedBytes,
  smallBytes,
  wideBytes,
} from './encoding.ts';
import { invertModulo3, invertTimes3 } from './reciprocal.ts';
import {
  multiplyModulo3,
  multiplyModulo4591,
  nonZeroMask,
  reduceModulo3,
  reduceModulo4591,
  ringDegree,
  shortWeight,
} from './ring.ts';
import { drawShort, drawSmall, type RandomBytes } from './sampling.ts';

const hashBytes = 32;

export const publicKeyBytes = wideBytes;
/** f | 1/g | public key | value for rejected ciphertexts | hash of the public key. */
export const secretKeyBytes = 2 * smallBytes + publicKeyBytes + smallBytes + hashBytes;
/** A rounded polynomial and a confirming hash. */
export const ciphertextBytes = roundedBytes + hashBytes;
export const sharedSecretBytes = hashBytes;

/**
 * Makes a key pair. This is the costly step: two polynomial inverses.
 *
 * @param randomBytes - another source of randomness, for tests.
 */
export function generateKeyPair(randomBytes: RandomBytes = systemRandomBytes): {
  publicKey: Buffer;
  secretKey: Buffer;
} {
  let g: Int8Array;
  let gInverse: Int8Array | undefined;
  do {
    g = drawSmall(randomBytes);
    gInverse = invertModulo3(g);
  } while (gInverse === undefined);
  const f = drawShort(randomBytes);
  const publicKey = Buffer.from(encodeWide(multiplyModulo4591(invertTimes3(f), g)));
  const secretKey = Buffer.concat([
    encodeSmall(f),
    encodeSmall(gInverse),
    publicKey,
    randomBytes(smallBytes),
    hash(4, publicKey),
  ]);
  f.fill(0);
  g.fill(0);
  gInverse.fill(0);
  return { publicKey, secretKey };
}

/**
 * Makes a shared secret and the ciphertext that carries it to the owner of `publicKey`.
 *
 * @param publicKey - 1158 bytes; the caller checks the length.
 */
export function encapsulate(
  publicKey: Uint8Array,
  randomBytes: RandomBytes = systemRandomBytes,
): { ciphertext: Buffer; sharedSecret: Buffer } {
  const plain = drawShort(randomBytes);
  const plainBytes = encodeSmall(plain);
  const ciphertext = hide(plain, plainBytes, publicKey, hash(4, publicKey));
  const sharedSecret = sessionSecret(1, plainBytes, ciphertext);
  plain.fill(0);
  plainBytes.fill(0);
  return { ciphertext, sharedSecret };
}

/**
 * The secret that a ciphertext carries. A ciphertext that no encapsulation made gives a pseudo-random one that only the
 * key's owner could compute; nothing tells the two cases apart, neither result nor time.
 *
 * @param secretKey - 1763 bytes.
 * @param ciphertext - 1039 bytes; the caller checks the length.
 */
export function decapsulate(secretKey: Uint8Array, ciphertext: Uint8Array): Buffer {
  const f = decodeSmall(secretKey.subarray(0, smallBytes));
  const gInverse = decodeSmall(secretKey.subarray(smallBytes, 2 * smallBytes));
  const publicKey = secretKey.subarray(2 * smallBytes, 2 * smallBytes + publicKeyBytes);
  const rejected = secretKey.subarray(2 * smallBytes + publicKeyBytes, 3 * smallBytes + publicKeyBytes);
  const publicKeyHash = secretKey.subarray(3 * smallBytes + publicKeyBytes);

  const plain = decrypt(ciphertext.subarray(0, roundedBytes), f, gInverse);
  const plainBytes = encodeSmall(plain);
  const again = hide(plain, plainBytes, publicKey, publicKeyHash);
  let difference = 0;
  for (let i = 0; i < ciphertextBytes; i++) difference |= again[i]! ^ ciphertext[i]!;
  const mask = nonZeroMask(difference);
  for (let i = 0; i < smallBytes; i++) plainBytes[i] = plainBytes[i]! ^ (mask & (plainBytes[i]! ^ rejected[i]!));
  const sharedSecret = sessionSecret(1 + mask, plainBytes, ciphertext);
  f.fill(0);
  gInverse.fill(0);
  plain.fill(0);
  plainBytes.fill(0);
  return sharedSecret;
}

/** The ciphertext of a short polynomial: it hides the polynomial in a rounded product, and confirms it by a hash. */
function hide(plain: Int8Array, plainBytes: Uint8Array, publicKey: Uint8Array, publicKeyHash: Uint8Array): Buffer {
  const product = multiplyModulo4591(decodeWide(publicKey), plain);
  for (let i = 0; i < ringDegree; i++) product[i] = product[i]! - reduceModulo3(product[i]!);
  return Buffer.concat([encodeRounded(product), hash(2, hash(3, plainBytes), publicKeyHash)]);
}

/** The short polynomial in a ciphertext; a fixed one where what comes out has not the right weight. */
function decrypt(rounded: Uint8Array, f: Int8Array, gInverse: Int8Array): Int8Array {
  const product = multiplyModulo4591(decodeRounded(rounded), f);
  const error = new Int8Array(ringDegree);
  for (let i = 0; i < ringDegree; i++) error[i] = reduceModulo3(reduceModulo4591(3 * product[i]!));
  const plain = multiplyModulo3(error, gInverse);
  let weight = 0;
  for (let i = 0; i < ringDegree; i++) weight += plain[i]! & 1;
  const keep = ~nonZeroMask(weight - shortWeight);
  for (let i = 0; i < shortWeight; i++) plain[i] = ((plain[i]! ^ 1) & keep) ^ 1;
  for (let i = shortWeight; i < ringDegree; i++) plain[i] = plain[i]! & keep;
  error.fill(0);
  product.fill(0);
  return plain;
}

/** @param accepted - 1 for a good ciphertext, 0 for one that is rejected. */
function sessionSecret(accepted: number, plainBytes: Uint8Array, ciphertext: Uint8Array): Buffer {
  return hash(accepted, hash(3, plainBytes), ciphertext);
}

/** The first half of SHA-512 over a byte that separates the uses, and the parts. */
function hash(use: number, ...parts: Uint8Array[]): Buffer {
  const digest = createHash('sha512').update(Uint8Array.of(use));
  for (const part of parts) digest.update(part);
  return digest.digest().subarray(0, hashBytes);
}
