/** sk-ecdsa-sha2-nistp256@openssh.com keys: ECDSA in a FIDO token, and its signatures made by browsers (PROTOCOL.u2f). */
import { createEcdsaVerifier, type EcdsaSignature } from '../../crypto/signatures/ecdsa.ts';
import { maxStringBytes } from '../../limits.ts';
import type { WireReader } from '../../wire/index.ts';
import { badKey } from '../key-error.ts';
import {
  authenticatorFlags,
  flagsSuffice,
  readApplication,
  readHandle,
  securityKeyData,
  securityKeyPrivate,
} from '../security-key.ts';
import { decodeEcdsaBody } from '../signature.ts';
import { readPoint } from './ecdsa-sha2.ts';
import type { KeyType, PrivateHalf, PublicHalf, ReceivedSignature } from './key-type.ts';

const name = 'sk-ecdsa-sha2-nistp256@openssh.com';
const webauthnName = 'webauthn-sk-ecdsa-sha2-nistp256@openssh.com';

export const skEcdsaNistp256: KeyType = {
  name,
  certificateName: 'sk-ecdsa-sha2-nistp256-cert-v01@openssh.com',
  shortName: 'ECDSA-SK',
  signatureAlgorithms: [name, webauthnName],
  legacyAlgorithms: [],
  securityKey: true,
  readPublic,
  readPrivate: (reader) => {
    const half = readPublic(reader);
    return createPrivate(half, reader, applicationOf(half));
  },
  readPrivateOfCertificate: (reader, subject) => {
    const application = readApplication(reader);
    if (application !== applicationOf(subject)) {
      throw badKey('the security key has another application than the certificate beside it');
    }
    return createPrivate(subject, reader, application);
  },
};

type Verifier = (data: Uint8Array, signature: EcdsaSignature) => boolean;

function readPublic(reader: WireReader): PublicHalf {
  const point = readPoint(reader, 'nistp256');
  const application = readApplication(reader);
  const verifier = createEcdsaVerifier('nistp256', point);
  return {
    bits: 256,
    numbers: { kind: 'sk', application },
    write: (writer) => void writer.string('nistp256').string(point).string(application),
    verify: (signature) =>
      signature.algorithm === webauthnName
        ? verifyWebauthn(verifier, application, signature)
        : verifyPlain(verifier, application, signature),
  };
}

function createPrivate(half: PublicHalf, reader: WireReader, application: string): PrivateHalf {
  const handle = readHandle(reader, application);
  return securityKeyPrivate(half, handle, (writer) => void writer.string(application));
}

function applicationOf(half: PublicHalf): string {
  return half.numbers.kind === 'sk' ? half.numbers.application : '';
}

function verifyPlain(verifier: Verifier, application: string, received: ReceivedSignature): boolean {
  const flags = received.reader.uint8('flags');
  const counter = received.reader.uint32('counter');
  if (!flagsSuffice(flags, received.options)) return false;
  return verifier(securityKeyData(application, flags, counter, received.data), decodeEcdsaBody(received.body));
}

/**
 * A browser signs the hash of its "client data", a JSON text in which the data to be signed is the challenge. It is compared as
 * text up to the origin, whose quoting would otherwise let an origin write fields of its own.
 */
function verifyWebauthn(verifier: Verifier, application: string, received: ReceivedSignature): boolean {
  const { reader, data, options, body } = received;
  const flags = reader.uint8('flags');
  const counter = reader.uint32('counter');
  const origin = reader.text('origin', maxStringBytes);
  const clientData = reader.string('client data', maxStringBytes);
  const extensions = reader.string('extensions', maxStringBytes);
  if (!flagsSuffice(flags, options) || /["\\\0]/.test(origin)) return false;
  if ((flags & authenticatorFlags.attestedData) !== 0) return false;
  if (((flags & authenticatorFlags.extensionData) !== 0) !== extensions.length > 0) return false;
  const challenge = Buffer.from(data).toString('base64url');
  const expected = Buffer.from(`{"type":"webauthn.get","challenge":"${challenge}","origin":"${origin}"`, 'utf8');
  if (clientData.length <= expected.length || !clientData.subarray(0, expected.length).equals(expected)) return false;
  const next = String.fromCharCode(clientData[expected.length] as number);
  if (next !== ',' && next !== '}') return false;
  return verifier(securityKeyData(application, flags, counter, clientData, extensions), decodeEcdsaBody(body));
}
