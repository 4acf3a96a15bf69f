/** Public keys from their blobs: the name is judged first, then every byte is accounted for. */
import { maxAlgorithmNameBytes } from '../limits.ts';
import { asBuffer, WireReader, WireWriter } from '../wire/index.ts';
import { readCertificate } from './certificate.ts';
import { badKey, parsingKey } from './key-error.ts';
import type { KeyType, PublicHalf, PublicNumbers } from './key-types/key-type.ts';
import { keyTypes } from './key-types/table.ts';
import type { Certificate, PublicKey, VerifyOptions } from './types.ts';

export interface DecodePublicKeyOptions {
  /** Type names (as in blobs) that may occur; default all. Any other is refused before the rest of the blob is looked at. */
  allowedTypes?: readonly string[];
}

/**
 * Reads a public key or certificate from its wire form (RFC 4253 §6.6, RFC 5656, RFC 8709, PROTOCOL.certkeys, PROTOCOL.u2f).
 *
 * The blob is copied. RSA keys of 1024 to 16384 bits are read; enforcing a larger minimum (RequiredRSASize) is the caller's part,
 * by `bits`. A certificate is only read here: `checkCertificate` tells whether it is worth anything.
 *
 * @throws SshError `bad-key` (or `bad-certificate`) for anything that is not exactly one well-formed key of an allowed type.
 * @example
 * const key = decodePublicKey(blob, { allowedTypes: ['ssh-ed25519'] });
 */
export function decodePublicKey(blob: Uint8Array, options: DecodePublicKeyOptions = {}): PublicKey {
  return parsingKey(() => {
    const reader = new WireReader(blob, 'public key');
    const type = reader.ascii('type', maxAlgorithmNameBytes);
    if (options.allowedTypes !== undefined && !options.allowedTypes.includes(type)) {
      throw badKey(`a key of type ${type} came, allowed are ${options.allowedTypes.join(', ') || 'none'}`);
    }
    const row = keyTypes.find((candidate) => candidate.name === type || candidate.certificateName === type);
    if (row === undefined) throw unknownType(type);
    const copy = Buffer.from(blob);
    const body = new WireReader(copy, type, reader.offset);
    if (type === row.certificateName) return decodeCertificate(row, copy, body);
    const half = row.readPublic(body);
    body.finish();
    return new DecodedPublicKey(row, type, copy, half, undefined);
  });
}

/** The key whose fields another format held. */
export function publicKeyOf(row: KeyType, half: PublicHalf): PublicKey {
  const writer = new WireWriter().string(row.name);
  half.write(writer);
  return new DecodedPublicKey(row, row.name, Buffer.from(writer.finish()), half, undefined);
}

/** The row and the fields behind a key that this module made. */
export function requireHalf(key: PublicKey): { row: KeyType; half: PublicHalf } {
  if (key instanceof DecodedPublicKey) return key.inside();
  const decoded = decodePublicKey(key.blob);
  return (decoded as DecodedPublicKey).inside();
}

/** The certificate that was just made of keys we hold: read like any other, but for the keys in it, which were read before. */
export function certifiedKey(subject: PublicKey, authority: PublicKey, blob: Buffer): PublicKey {
  const { row, half } = requireHalf(subject);
  const reader = new WireReader(blob, row.certificateName);
  const type = reader.ascii('type');
  const nonce = reader.string('nonce');
  reader.fixed(subject.blob.length - 4 - row.name.length, 'subject');
  const context = { type, nonce, subject, decodeAuthority: () => authority };
  return new DecodedPublicKey(row, type, blob, half, readCertificate(reader, blob, context));
}

/** The numbers of a key, for formats other than SSH's own. */
export function publicNumbers(key: PublicKey): PublicNumbers {
  return requireHalf(key).half.numbers;
}

class DecodedPublicKey implements PublicKey {
  readonly type: string;
  readonly blob: Buffer;
  readonly bits: number;
  readonly certificate: Certificate | undefined;
  readonly #row: KeyType;
  readonly #half: PublicHalf;

  constructor(row: KeyType, type: string, blob: Buffer, half: PublicHalf, certificate: Certificate | undefined) {
    this.type = type;
    this.blob = blob;
    this.bits = half.bits;
    this.certificate = certificate;
    this.#row = row;
    this.#half = half;
  }

  get signatureAlgorithms(): readonly string[] {
    return this.#row.signatureAlgorithms;
  }

  get plain(): PublicKey {
    return this.certificate?.subject ?? this;
  }

  verify(data: Uint8Array, signature: Uint8Array, algorithm: string, options: VerifyOptions = {}): boolean {
    // Whatever goes wrong in here, also in OpenSSL, is a refusal (OpenSSH CVE-2025-26465: an error path that accepted).
    try {
      if (!this.#row.signatureAlgorithms.includes(algorithm)) return false;
      const reader = new WireReader(signature, 'signature');
      if (reader.ascii('algorithm', maxAlgorithmNameBytes) !== algorithm) return false;
      const body = reader.string('signature');
      return this.#half.verify({ data, algorithm, body, reader, options }) && reader.remaining === 0;
    } catch {
      return false;
    }
  }

  equals(other: PublicKey): boolean {
    return this.blob.equals(asBuffer(other.blob));
  }

  inside(): { row: KeyType; half: PublicHalf } {
    return { row: this.#row, half: this.#half };
  }
}

function decodeCertificate(row: KeyType, blob: Buffer, reader: WireReader): PublicKey {
  const nonce = reader.string('nonce', 1024);
  const half = row.readPublic(reader);
  const certificate = readCertificate(reader, blob, {
    type: row.certificateName,
    nonce,
    subject: publicKeyOf(row, half),
    // A certificate as CA would make a chain, and parsing recurse: neither exists (Go 0ae49b8, b90f76b).
    decodeAuthority: (authority) => decodePublicKey(authority, { allowedTypes: keyTypes.map(({ name }) => name) }),
  });
  return new DecodedPublicKey(row, row.certificateName, blob, half, certificate);
}

function unknownType(type: string): Error {
  if (type === 'ssh-dss' || type.startsWith('ssh-dss-cert')) {
    return badKey('DSA keys (ssh-dss) are not supported: DSA is broken in practice', {
      code: 'unsupported',
      remedy: 'Replace the key by a new one: ssh-keygen -t ed25519.',
    });
  }
  return badKey(`unknown key type "${type}"`, { code: 'unsupported' });
}
