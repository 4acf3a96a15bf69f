/** ssh-ed25519 keys (RFC 8709). */
import {
  createEd25519Signer,
  createEd25519Verifier,
  ed25519KeyBytes,
  generateEd25519,
} from '../../crypto/signatures/ed25519.ts';
import type { Ed25519PrivateNumbers } from '../../crypto/signatures/numbers.ts';
import type { WireReader } from '../../wire/index.ts';
import { badKey } from '../key-error.ts';
import { encodeSignature } from '../signature.ts';
import type { KeyType, PrivateHalf, PublicHalf } from './key-type.ts';

const name = 'ssh-ed25519';

export const sshEd25519: KeyType = {
  name,
  certificateName: 'ssh-ed25519-cert-v01@openssh.com',
  shortName: 'ED25519',
  signatureAlgorithms: [name],
  legacyAlgorithms: [],
  securityKey: false,
  readPublic: (reader) => createPublic(reader.string('public key')),
  readPrivate: readBoth,
  readPrivateOfCertificate: (reader, subject) => {
    const half = readBoth(reader);
    if (subject.numbers.kind !== 'ed25519' || !half.public.numbers.publicKey.equals(subject.numbers.publicKey)) {
      throw badKey('the private key does not belong to the certificate beside it');
    }
    return half;
  },
  generate: async () => ed25519Private(generateEd25519()),
};

interface Ed25519Public extends PublicHalf {
  readonly numbers: { readonly kind: 'ed25519'; readonly publicKey: Buffer };
}

/** The private half for numbers from any format. */
export function ed25519Private(numbers: Ed25519PrivateNumbers): PrivateHalf & { readonly public: Ed25519Public } {
  const sign = createEd25519Signer(numbers);
  const write: PrivateHalf['write'] = (writer) =>
    void writer.string(numbers.publicKey).string(Buffer.concat([numbers.seed, numbers.publicKey]));
  return {
    public: createPublic(numbers.publicKey),
    numbers,
    write,
    writeOfCertificate: write,
    sign: async (data) => encodeSignature(name, sign(data)),
  };
}

function createPublic(field: Buffer): Ed25519Public {
  const publicKey = Buffer.from(field);
  const verify = createEd25519Verifier(publicKey);
  return {
    bits: 256,
    numbers: { kind: 'ed25519', publicKey },
    write: (writer) => void writer.string(publicKey),
    verify: ({ data, body }) => verify(data, body),
  };
}

/** The private field holds the seed and, once more, the public key; all three copies must agree. */
function readBoth(reader: WireReader): PrivateHalf & { readonly public: Ed25519Public } {
  const publicKey = Buffer.from(reader.string('public key'));
  const both = reader.string('private key');
  if (both.length !== 2 * ed25519KeyBytes) {
    throw badKey(`an Ed25519 private field has ${2 * ed25519KeyBytes} bytes, this one has ${both.length}`);
  }
  if (!both.subarray(ed25519KeyBytes).equals(publicKey)) {
    throw badKey('the two copies of the Ed25519 public key differ');
  }
  return ed25519Private({ kind: 'ed25519', seed: Buffer.from(both.subarray(0, ed25519KeyBytes)), publicKey });
}
