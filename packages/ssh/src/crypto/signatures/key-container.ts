/** The key containers that OpenSSL knows: PKCS#1, SEC1 and PKCS#8, plain or encrypted, private and public. */
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { SshError } from '../../errors.ts';
import { maxContainerKdfCost } from '../../limits.ts';
import { ecdsaCurves, ecdsaFromScalar } from './ecdsa.ts';
import { ed25519FromSeed } from './ed25519.ts';
import { badNumbers, type EcdsaCurve, type PrivateNumbers, type RsaPublicNumbers } from './numbers.ts';
import { rsaFromJwk, rsaPrivateJwk } from './rsa.ts';

export type KeyContainer = 'pkcs1' | 'sec1' | 'pkcs8';

/**
 * Reads a private key.
 *
 * @param pem - one whole PEM block.
 * @param passphrase - given exactly if the block is encrypted.
 * @throws SshError `bad-passphrase` where decryption or what comes out of it fails, `bad-key` or `unsupported` otherwise.
 */
export function decodePrivateContainer(pem: string, passphrase: Buffer | undefined): PrivateNumbers {
  if (passphrase !== undefined && pem.startsWith('-----BEGIN ENCRYPTED')) requireBearableCost(pem);
  let key: KeyObject;
  try {
    key = createPrivateKey(passphrase === undefined ? { key: pem } : { key: pem, passphrase });
  } catch (cause) {
    if (passphrase === undefined)
      throw badNumbers('the private key is damaged, or no key that OpenSSL reads', { cause });
    throw new SshError('the private key does not open', { code: 'bad-passphrase', stage: 'key', cause });
  }
  return privateFromJwk(key, exportJwk(key));
}

/** Writes a private key as PEM, encrypted where a passphrase is given. */
export function encodePrivateContainer(
  numbers: PrivateNumbers,
  container: KeyContainer,
  passphrase: Buffer | undefined,
): string {
  const key = createPrivateKey({ key: privateToJwk(numbers), format: 'jwk' });
  // The traditional containers derive their key with one MD5, whatever the cipher: AES-128 is what ssh-keygen writes there.
  const cipher = container === 'pkcs8' ? 'aes-256-cbc' : 'aes-128-cbc';
  const options = { type: container, format: 'pem' as const };
  const pem = passphrase === undefined ? key.export(options) : key.export({ ...options, cipher, passphrase });
  return pem.toString();
}

export type ContainedPublicKey =
  | { readonly kind: 'ed25519'; readonly publicKey: Buffer }
  | { readonly kind: 'ecdsa'; readonly curve: EcdsaCurve; readonly point: Buffer }
  | ({ readonly kind: 'rsa' } & RsaPublicNumbers);

/** Reads a public key from PEM: SubjectPublicKeyInfo (`PUBLIC KEY`) or PKCS#1 (`RSA PUBLIC KEY`). */
export function decodePublicContainer(pem: string): ContainedPublicKey {
  let jwk: JsonWebKey;
  try {
    jwk = createPublicKey({ key: pem, format: 'pem' }).export({ format: 'jwk' });
  } catch (cause) {
    throw badNumbers('the public key is damaged, or of a kind that SSH does not use', { cause });
  }
  if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519') return { kind: 'ed25519', publicKey: bytesOf(jwk.x) };
  if (jwk.kty === 'RSA') return { kind: 'rsa', n: bytesOf(jwk.n), e: bytesOf(jwk.e) };
  if (jwk.kty === 'EC') {
    const point = Buffer.concat([Buffer.of(4), bytesOf(jwk.x), bytesOf(jwk.y)]);
    return { kind: 'ecdsa', curve: requireCurve(jwk), point };
  }
  throw badNumbers(`a public key of kind ${jwk.kty ?? 'unknown'} is none that SSH uses`, { code: 'unsupported' });
}

/** Writes a public key as PEM. */
export function encodePublicContainer(key: ContainedPublicKey, container: 'spki' | 'pkcs1'): string {
  return createPublicKey({ key: publicToJwk(key), format: 'jwk' })
    .export({ type: container, format: 'pem' })
    .toString();
}

function exportJwk(key: KeyObject): JsonWebKey {
  try {
    return key.export({ format: 'jwk' });
  } catch (cause) {
    const kind = key.asymmetricKeyType ?? 'unknown';
    throw badNumbers(`a private key of kind ${kind} is none that SSH uses`, { code: 'unsupported', cause });
  }
}

function privateFromJwk(key: KeyObject, jwk: JsonWebKey): PrivateNumbers {
  if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519') return ed25519FromSeed(bytesOf(jwk.d));
  if (jwk.kty === 'RSA') return rsaFromJwk(jwk as Record<string, string>);
  if (jwk.kty === 'EC') {
    const point = Buffer.concat([Buffer.of(4), bytesOf(jwk.x), bytesOf(jwk.y)]);
    return { ...ecdsaFromScalar(requireCurve(jwk), bytesOf(jwk.d)), point };
  }
  throw badNumbers(`a private key of kind ${key.asymmetricKeyType} is none that SSH uses`, { code: 'unsupported' });
}

/** The JWK form (RFC 7517, RFC 8037). */
export function privateToJwk(numbers: PrivateNumbers): JsonWebKey {
  switch (numbers.kind) {
    case 'ed25519':
      return { ...publicToJwk(numbers), d: numbers.seed.toString('base64url') };
    case 'ecdsa':
      return { ...publicToJwk(numbers), d: numbers.scalar.toString('base64url') };
    case 'rsa':
      return rsaPrivateJwk(numbers);
  }
}

export function publicToJwk(key: ContainedPublicKey): JsonWebKey {
  switch (key.kind) {
    case 'ed25519':
      return { kty: 'OKP', crv: 'Ed25519', x: key.publicKey.toString('base64url') };
    case 'ecdsa': {
      const { bytes, jwkName } = ecdsaCurves[key.curve];
      const [x, y] = [key.point.subarray(1, 1 + bytes), key.point.subarray(1 + bytes)];
      return { kty: 'EC', crv: jwkName, x: x.toString('base64url'), y: y.toString('base64url') };
    }
    case 'rsa':
      return { kty: 'RSA', n: key.n.toString('base64url'), e: key.e.toString('base64url') };
  }
}

function requireCurve(jwk: JsonWebKey): EcdsaCurve {
  for (const curve of Object.keys(ecdsaCurves) as EcdsaCurve[]) {
    if (ecdsaCurves[curve].jwkName === jwk.crv) return curve;
  }
  throw badNumbers(`curve ${jwk.crv} is none that SSH uses`, { code: 'unsupported' });
}

function bytesOf(base64url: string | undefined): Buffer {
  return Buffer.from(base64url ?? '', 'base64url');
}

/** 1.3.6.1.4.1.11591.4.11, scrypt. */
const scryptOid = '2b06010401da47040b';

/**
 * OpenSSL takes any iteration count and runs in this thread: 2^31 rounds of PBKDF2 would hold the program for half an hour.
 * The count is an INTEGER somewhere in the algorithm, the first element of EncryptedPrivateKeyInfo (RFC 5958 §3).
 */
function requireBearableCost(pem: string): void {
  const der = Buffer.from(pem.replace(/-----[^-]*-----/g, ''), 'base64');
  const found: { integers: number[]; scrypt: boolean } = { integers: [], scrypt: false };
  const outer = readElement(der, 0, der.length);
  const algorithm = readElement(der, outer.start, outer.end);
  collect(der, algorithm.start, algorithm.end, 0, found);
  const cost = found.scrypt ? found.integers.reduce((a, b) => a * b, 8) : Math.max(0, ...found.integers);
  if (cost > maxContainerKdfCost) {
    throw badNumbers(
      `the private key file asks for ${cost} rounds of key derivation, at most ${maxContainerKdfCost} are allowed`,
    );
  }
}

function collect(
  der: Buffer,
  start: number,
  end: number,
  depth: number,
  found: { integers: number[]; scrypt: boolean },
): void {
  if (depth > 8) throw badNumbers('the algorithm of the private key file is nested too deeply');
  for (let at = start; at < end; ) {
    const element = readElement(der, at, end);
    const content = der.subarray(element.start, element.end);
    if (element.tag === 0x30) collect(der, element.start, element.end, depth + 1, found);
    if (element.tag === 0x02)
      found.integers.push(content.length > 6 ? 2 ** 48 : Number(`0x${content.toString('hex') || '0'}`));
    if (element.tag === 0x06 && content.toString('hex') === scryptOid) found.scrypt = true;
    at = element.end;
  }
}

function readElement(der: Buffer, at: number, end: number): { tag: number; start: number; end: number } {
  const tag = der[at];
  const first = der[at + 1];
  const lengthBytes = first === undefined || first < 0x80 ? 0 : first & 0x7f;
  const start = at + 2 + lengthBytes;
  if (tag === undefined || first === undefined || first === 0x80 || lengthBytes > 4 || start > end) throw damaged();
  const length = lengthBytes === 0 ? first : der.readUIntBE(at + 2, lengthBytes);
  if (length > end - start) throw damaged();
  return { tag, start, end: start + length };
}

function damaged(): SshError {
  return badNumbers('the private key file is damaged: its outer ASN.1 structure is broken');
}
