/** ssh-rsa keys (RFC 4253 §6.6) with SHA-2 signatures (RFC 8332); SHA-1 signatures are legacy. */
import { bitLength, type RsaPrivateNumbers, type RsaPublicNumbers } from '../../crypto/signatures/numbers.ts';
import { createRsaSigner, createRsaVerifier, generateRsa, type RsaHash } from '../../crypto/signatures/rsa.ts';
import { maxMpintBytes, maxRsaBits, minRsaBitsOnRequest } from '../../limits.ts';
import type { WireReader } from '../../wire/index.ts';
import { badKey } from '../key-error.ts';
import { encodeSignature } from '../signature.ts';
import type { KeyType, PrivateHalf, PublicHalf } from './key-type.ts';

const hashes: Readonly<Record<string, RsaHash>> = {
  'rsa-sha2-512': 'sha512',
  'rsa-sha2-256': 'sha256',
  'ssh-rsa': 'sha1',
};
const defaultBits = 3072;

export const sshRsa: KeyType = {
  name: 'ssh-rsa',
  certificateName: 'ssh-rsa-cert-v01@openssh.com',
  shortName: 'RSA',
  signatureAlgorithms: Object.keys(hashes),
  legacyAlgorithms: ['ssh-rsa'],
  securityKey: false,
  readPublic: (reader) => {
    const e = readNumber(reader, 'e');
    return createPublic({ e, n: readNumber(reader, 'n') });
  },
  // The order differs between the public blob (e, n) and private files (n, e, d, iqmp, p, q).
  readPrivate: (reader) => {
    const n = readNumber(reader, 'n');
    const e = readNumber(reader, 'e');
    return readSecrets(reader, { n, e });
  },
  readPrivateOfCertificate: (reader, subject) => {
    if (subject.numbers.kind !== 'rsa') throw badKey('the certificate beside this ssh-rsa key is of another type');
    return readSecrets(reader, subject.numbers);
  },
  generate: async (bits = defaultBits) => {
    if (!Number.isInteger(bits) || bits < minRsaBitsOnRequest || bits > maxRsaBits) {
      throw badKey(`RSA keys have ${minRsaBitsOnRequest} to ${maxRsaBits} bits, ${bits} were asked for`);
    }
    return rsaPrivate(await generateRsa(bits));
  },
};

/** The private half for numbers from any format. */
export function rsaPrivate(numbers: RsaPrivateNumbers): PrivateHalf {
  const half = createPublic(numbers);
  const sign = createRsaSigner(numbers);
  const writeSecrets: PrivateHalf['write'] = (writer) =>
    void writer.mpint(numbers.d).mpint(numbers.qInverse).mpint(numbers.p).mpint(numbers.q);
  return {
    public: half,
    numbers,
    write: (writer) => {
      writer.mpint(numbers.n).mpint(numbers.e);
      writeSecrets(writer);
    },
    writeOfCertificate: writeSecrets,
    sign: async (data, algorithm) => {
      const hash = hashes[algorithm];
      if (hash === undefined) throw badKey(`an RSA key does not sign with ${algorithm}`, { code: 'misuse' });
      return encodeSignature(algorithm, await sign(hash, data));
    },
  };
}

function createPublic({ n, e }: RsaPublicNumbers): PublicHalf {
  const bits = requireSaneNumbers(n, e);
  const verify = createRsaVerifier({ n, e });
  return {
    bits,
    numbers: { kind: 'rsa', n, e },
    write: (writer) => void writer.mpint(e).mpint(n),
    verify: ({ data, body, algorithm }) => {
      const hash = hashes[algorithm];
      return hash !== undefined && verify(hash, data, body);
    },
  };
}

/** Sizes are checked before any arithmetic: giant moduli or exponents burn CPU at every verification (Go CVE-2026-39829). */
function requireSaneNumbers(n: Buffer, e: Buffer): number {
  const bits = bitLength(n);
  if (bits < minRsaBitsOnRequest || bits > maxRsaBits) {
    throw badKey(`the RSA modulus has ${bits} bits, ${minRsaBitsOnRequest} to ${maxRsaBits} are allowed`, {
      remedy: 'Make a new key: ssh-keygen -t ed25519, or -t rsa -b 3072.',
    });
  }
  if (((n[n.length - 1] as number) & 1) === 0) throw badKey('the RSA modulus is even');
  const exponent = e.length <= 5 ? Number.parseInt(e.toString('hex') || '0', 16) : Number.POSITIVE_INFINITY;
  if (exponent < 3 || exponent > 2 ** 33 || exponent % 2 === 0) {
    throw badKey('the RSA exponent is not an odd number from 3 to 2^33');
  }
  return bits;
}

function readSecrets(reader: WireReader, { n, e }: RsaPublicNumbers): PrivateHalf {
  const d = readNumber(reader, 'd');
  const qInverse = readNumber(reader, 'iqmp');
  const p = readNumber(reader, 'p');
  const q = readNumber(reader, 'q');
  return rsaPrivate({ kind: 'rsa', n, e, d, p, q, qInverse });
}

function readNumber(reader: WireReader, field: string): Buffer {
  return Buffer.from(reader.unsignedMpint(field, maxMpintBytes));
}
