/** ecdsa-sha2-nistp256, -nistp384 and -nistp521 keys (RFC 5656). */
import { createEcdsaSigner, createEcdsaVerifier, ecdsaCurves, generateEcdsa } from '../../crypto/signatures/ecdsa.ts';
import type { EcdsaCurve, EcdsaPrivateNumbers } from '../../crypto/signatures/numbers.ts';
import type { WireReader } from '../../wire/index.ts';
import { badKey } from '../key-error.ts';
import { decodeEcdsaBody, encodeEcdsaBody, encodeSignature } from '../signature.ts';
import type { KeyType, PrivateHalf, PublicHalf } from './key-type.ts';

export const ecdsaNistp256 = createRow('nistp256');
export const ecdsaNistp384 = createRow('nistp384');
export const ecdsaNistp521 = createRow('nistp521');

function createRow(curve: EcdsaCurve): KeyType {
  const name = `ecdsa-sha2-${curve}`;
  return {
    name,
    certificateName: `${name}-cert-v01@openssh.com`,
    shortName: 'ECDSA',
    signatureAlgorithms: [name],
    legacyAlgorithms: [],
    securityKey: false,
    readPublic: (reader) => createPublic(curve, readPoint(reader, curve)),
    readPrivate: (reader) => {
      const point = readPoint(reader, curve);
      return ecdsaPrivate({ kind: 'ecdsa', curve, point, scalar: readScalar(reader) });
    },
    readPrivateOfCertificate: (reader, subject) => {
      if (subject.numbers.kind !== 'ecdsa') throw badKey(`the certificate beside this ${name} key is of another type`);
      return ecdsaPrivate({ kind: 'ecdsa', curve, point: subject.numbers.point, scalar: readScalar(reader) });
    },
    generate: async () => ecdsaPrivate(generateEcdsa(curve)),
  };
}

/** The private half for numbers from any format. */
export function ecdsaPrivate(numbers: EcdsaPrivateNumbers): PrivateHalf {
  const sign = createEcdsaSigner(numbers);
  const half = createPublic(numbers.curve, numbers.point);
  return {
    public: half,
    numbers,
    write: (writer) => {
      half.write(writer);
      writer.mpint(numbers.scalar);
    },
    writeOfCertificate: (writer) => void writer.mpint(numbers.scalar),
    sign: async (data, algorithm) => {
      const { r, s } = sign(data);
      return encodeSignature(algorithm, encodeEcdsaBody(r, s));
    },
  };
}

/** Reads curve name and point; the curve must be the one that the type names, whatever the blob says. */
export function readPoint(reader: WireReader, curve: EcdsaCurve): Buffer {
  const got = reader.ascii('curve', 32);
  if (got !== curve) throw badKey(`${reader.what}: the type says curve ${curve}, the blob says ${got}`);
  return Buffer.from(reader.string('point'));
}

function readScalar(reader: WireReader): Buffer {
  return Buffer.from(reader.unsignedMpint('private key', 67));
}

function createPublic(curve: EcdsaCurve, point: Buffer): PublicHalf {
  const verify = createEcdsaVerifier(curve, point);
  return {
    bits: ecdsaCurves[curve].bits,
    numbers: { kind: 'ecdsa', curve, point },
    write: (writer) => void writer.string(curve).string(point),
    verify: ({ data, body }) => verify(data, decodeEcdsaBody(body)),
  };
}
