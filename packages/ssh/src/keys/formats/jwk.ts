/** JSON Web Keys (RFC 7517, RFC 7518 §6, RFC 8037), private and public, one to a file. */
import { ecdsaCurves } from '../../crypto/signatures/ecdsa.ts';
import { type ContainedPublicKey, privateToJwk, publicToJwk } from '../../crypto/signatures/key-container.ts';
import type { EcdsaCurve } from '../../crypto/signatures/numbers.ts';
import { rsaPrivateJwk } from '../../crypto/signatures/rsa.ts';
import { maxKeyFileBytes, maxMpintBytes } from '../../limits.ts';
import { badKey } from '../key-error.ts';
import { privateKeyFromNumbers, privateNumbers } from '../private-key.ts';
import { publicKeyFromNumbers, publicNumbers } from '../public-key.ts';
import type { PrivateKey, PublicKey } from '../types.ts';
import { encodePassphrase, type PrivateKeyFormat } from './format.ts';

export const jwk: PrivateKeyFormat = {
  name: 'jwk',
  recognises: isJson,
  isEncrypted: () => false,
  peek: (text) => publicKeyFromNumbers(readPublic(readMembers(fromBytes(text)))),
  read: async (text, options) => readPrivate(readMembers(fromBytes(text)), options.name),
  write: async (key, options) => {
    const numbers = privateNumbers(key);
    if (numbers.kind === 'sk') throw badKey('JWK has no form for security keys', { code: 'unsupported' });
    if (encodePassphrase(options.passphrase) !== undefined) {
      throw badKey('a JWK is not encrypted, so it takes no passphrase', {
        code: 'unsupported',
        remedy: 'Write the key in the openssh or pkcs8 format, which encrypt.',
      });
    }
    return stringify(privateToJwk(numbers), options.comment ?? key.comment);
  },
};

export function isJson(text: string): boolean {
  return text.trimStart().startsWith('{');
}

/** Reads a public JWK. A private one is refused: whoever shows one for a public key is about to give the secret away. */
export function parsePublicJwk(text: string): { key: PublicKey; comment: string } {
  const members = readMembers(text);
  if (members.get('d') !== undefined) {
    throw badKey('this JWK holds a private key, a public one was expected', {
      remedy: 'Give the public half: ssh-keygen -y prints it.',
    });
  }
  return { key: publicKeyFromNumbers(readPublic(members)), comment: readComment(members) };
}

export function formatPublicJwk(key: PublicKey, comment: string): string {
  const numbers = publicNumbers(key.plain);
  if (numbers.kind === 'sk') throw badKey('JWK has no form for security keys', { code: 'unsupported' });
  const contained: ContainedPublicKey =
    numbers.kind === 'ecdsa' ? { ...numbers, curve: numbers.curve as EcdsaCurve } : numbers;
  return stringify(publicToJwk(contained), comment);
}

type Members = ReadonlyMap<string, unknown>;

/** What makes up a key of each `kty`, public and private; fields of another kind beside them are a contradiction. */
const fields = {
  OKP: { public: ['crv', 'x'], private: ['d'] },
  EC: { public: ['crv', 'x', 'y'], private: ['d'] },
  RSA: { public: ['n', 'e'], private: ['d', 'p', 'q', 'dp', 'dq', 'qi'] },
} as const;

const everyField = ['crv', 'x', 'y', 'n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'oth'];
const signing = { OKP: /^(EdDSA|Ed25519)$/, EC: /^ES(256|384|512)$/, RSA: /^(RS|PS)(256|384|512)$/ } as const;

function readMembers(text: string): Members {
  if (text.length > maxKeyFileBytes) throw badKey(`a file of ${text.length} characters is no key`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badKey('the JWK is no JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badKey('a JWK is a JSON object');
  // A map, so that no name from the file reaches the prototype.
  const members = new Map<string, unknown>(Object.entries(value));
  if (members.has('keys')) {
    throw badKey('this file is a JWK set', { code: 'unsupported', remedy: 'Put the one key into a file of its own.' });
  }
  requireKind(members);
  return members;
}

function requireKind(members: Members): void {
  const kind = members.get('kty');
  if (kind !== 'OKP' && kind !== 'EC' && kind !== 'RSA') {
    throw badKey(`a JWK of kty ${show(kind)} came, known are OKP, EC and RSA`, { code: 'unsupported' });
  }
  if (members.has('oth')) throw badKey('RSA keys of more than two primes are not supported', { code: 'unsupported' });
  const own: readonly string[] = [...fields[kind].public, ...fields[kind].private];
  const foreign = everyField.find((name) => members.has(name) && !own.includes(name));
  if (foreign !== undefined) throw badKey(`a JWK of kty ${kind} has no field "${foreign}"`);
  const use = members.get('use');
  if (use !== undefined && use !== 'sig') {
    throw badKey(`this JWK is for use ${show(use)}, not for signatures`, { code: 'unsupported' });
  }
  const algorithm = members.get('alg');
  const fits = typeof algorithm === 'string' && signing[kind].test(algorithm);
  if (algorithm !== undefined && !fits) throw badKey(`a JWK of kty ${kind} cannot have alg ${show(algorithm)}`);
}

function readPublic(members: Members): ContainedPublicKey {
  switch (members.get('kty')) {
    case 'OKP': {
      const curve = members.get('crv');
      if (curve !== 'Ed25519') throw unknownCurve('OKP', curve, 'Ed25519');
      return { kind: 'ed25519', publicKey: readBytes(members, 'x', 32) };
    }
    case 'EC': {
      const { curve, bytes } = readCurve(members);
      const point = Buffer.concat([Buffer.of(4), readBytes(members, 'x', bytes), readBytes(members, 'y', bytes)]);
      return { kind: 'ecdsa', curve, point };
    }
    default:
      return { kind: 'rsa', n: readNumber(members, 'n'), e: readNumber(members, 'e') };
  }
}

function readPrivate(members: Members, label: string | undefined): PrivateKey {
  const comment = readComment(members);
  const half = readPublic(members);
  if (!members.has('d')) {
    throw badKey('this JWK holds a public key, a private one was expected', {
      remedy: 'Give the JWK that has a member "d".',
    });
  }
  switch (half.kind) {
    case 'ed25519':
      return privateKeyFromNumbers({ ...half, seed: readBytes(members, 'd', 32) }, comment, label);
    case 'ecdsa': {
      const scalar = readBytes(members, 'd', ecdsaCurves[half.curve].bytes);
      return privateKeyFromNumbers({ ...half, scalar }, comment, label);
    }
    case 'rsa': {
      const [d, p, q, dp, dq, qInverse] = fields.RSA.private.map((name) => readNumber(members, name)) as [
        Buffer,
        Buffer,
        Buffer,
        Buffer,
        Buffer,
        Buffer,
      ];
      const numbers = { ...half, d, p, q, qInverse };
      const key = privateKeyFromNumbers(numbers, comment, label);
      // The two exponents are not used here, but a file that lies about them would be taken differently elsewhere.
      const expected = rsaPrivateJwk(numbers);
      if (dp.toString('base64url') !== expected.dp || dq.toString('base64url') !== expected.dq) {
        throw badKey('the RSA exponents dp and dq of the JWK do not belong to its d');
      }
      return key;
    }
  }
}

function readCurve(members: Members): { curve: EcdsaCurve; bytes: number } {
  const name = members.get('crv');
  for (const [curve, row] of Object.entries(ecdsaCurves)) {
    if (row.jwkName !== name) continue;
    const algorithm = members.get('alg');
    // RFC 7518 §3.4: the algorithm says which curve.
    const expected = `ES${row.bits === 521 ? 512 : row.bits}`;
    if (algorithm !== undefined && algorithm !== expected) {
      throw badKey(`a JWK with crv ${row.jwkName} has alg ${expected}, not ${show(algorithm)}`);
    }
    return { curve: curve as EcdsaCurve, bytes: row.bytes };
  }
  throw unknownCurve('EC', name, 'P-256, P-384 and P-521');
}

function unknownCurve(kind: string, name: unknown, known: string): Error {
  return badKey(`a JWK of kty ${kind} with crv ${show(name)} came, known: ${known}`, { code: 'unsupported' });
}

/** Bytes of a fixed length (RFC 7518 §6.2.1.2: coordinates and scalars are padded to the curve's size). */
function readBytes(members: Members, name: string, byteCount: number): Buffer {
  const bytes = decodeBase64Url(members, name);
  if (bytes.length !== byteCount) {
    throw badKey(`the JWK's "${name}" has ${bytes.length} bytes, ${byteCount} were expected`);
  }
  return bytes;
}

/** A Base64urlUInt (RFC 7518 §2): as few bytes as will do. */
function readNumber(members: Members, name: string): Buffer {
  const bytes = decodeBase64Url(members, name);
  if (bytes.length > maxMpintBytes) throw badKey(`the JWK's "${name}" has ${bytes.length} bytes`);
  if (bytes.length === 0 || bytes[0] === 0) throw badKey(`the JWK's "${name}" is empty or begins with a zero byte`);
  return bytes;
}

function decodeBase64Url(members: Members, name: string): Buffer {
  const text = members.get(name);
  if (typeof text !== 'string') throw badKey(`the JWK has no text "${name}"`);
  const bytes = Buffer.from(text, 'base64url');
  // Node skips what is not base64url and takes padding; encoding once more shows either, and stray bits at the end too.
  if (bytes.toString('base64url') !== text) throw badKey(`the JWK's "${name}" is not base64url (RFC 7515 §2)`);
  return bytes;
}

/** RFC 7517 §4.5: `kid` is a name people give the key, and so the nearest thing to a comment. */
function readComment(members: Members): string {
  const comment = members.get('kid') ?? '';
  if (typeof comment !== 'string') throw badKey('the JWK\'s "kid" is no text');
  // A line break would end the line in authorized_keys and begin another.
  if (/[\0-\x1f\x7f]/.test(comment)) throw badKey('the JWK\'s "kid" holds a control character');
  return comment;
}

function stringify(key: object, comment: string): string {
  return `${JSON.stringify(comment === '' ? key : { ...key, kid: comment }, undefined, 2)}\n`;
}

/** Private files come as one character a byte. */
function fromBytes(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 80);
}
