/** sk-ssh-ed25519@openssh.com keys: Ed25519 in a FIDO token (PROTOCOL.u2f). */
import { createEd25519Verifier } from '../../crypto/signatures/ed25519.ts';
import type { WireReader } from '../../wire/index.ts';
import { badKey } from '../key-error.ts';
import { flagsSuffice, readApplication, readHandle, securityKeyData, securityKeyPrivate } from '../security-key.ts';
import type { KeyType, PrivateHalf, PublicHalf } from './key-type.ts';

const name = 'sk-ssh-ed25519@openssh.com';

export const skSshEd25519: KeyType = {
  name,
  certificateName: 'sk-ssh-ed25519-cert-v01@openssh.com',
  shortName: 'ED25519-SK',
  signatureAlgorithms: [name],
  legacyAlgorithms: [],
  securityKey: true,
  readPublic,
  readPrivate,
  // Unlike the ECDSA kind, the public key is written once more beside a certificate.
  readPrivateOfCertificate: (reader, subject) => {
    const half = readPrivate(reader);
    if (!half.public.fields.equals((subject as SkEd25519Public).fields)) {
      throw badKey('the security key does not belong to the certificate beside it');
    }
    return half;
  },
};

interface SkEd25519Public extends PublicHalf {
  readonly fields: Buffer;
}

function readPublic(reader: WireReader): SkEd25519Public {
  const start = reader.offset;
  const publicKey = Buffer.from(reader.string('public key'));
  const application = readApplication(reader);
  const verify = createEd25519Verifier(publicKey);
  return {
    bits: 256,
    numbers: { kind: 'sk', application },
    fields: Buffer.from(reader.bytes.subarray(start, reader.offset)),
    write: (writer) => void writer.string(publicKey).string(application),
    verify: ({ data, body, reader: tail, options }) => {
      const flags = tail.uint8('flags');
      const counter = tail.uint32('counter');
      return flagsSuffice(flags, options) && verify(securityKeyData(application, flags, counter, data), body);
    },
  };
}

function readPrivate(reader: WireReader): PrivateHalf & { readonly public: SkEd25519Public } {
  const half = readPublic(reader);
  const application = half.numbers.kind === 'sk' ? half.numbers.application : '';
  const handle = readHandle(reader, application);
  return { ...securityKeyPrivate(half, handle, half.write), public: half };
}
