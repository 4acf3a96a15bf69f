/** What a row of the key type table tells of a family of keys. */
import type { PrivateNumbers, RsaPublicNumbers } from '../../crypto/signatures/numbers.ts';
import type { WireReader, WireWriter } from '../../wire/index.ts';
import type { VerifyOptions } from '../types.ts';

/** One key type: how it is read, written, generated, and which signatures it makes. */
export interface KeyType {
  /** The name in the blob. */
  readonly name: string;
  /** The name of its certificates (PROTOCOL.certkeys, PROTOCOL.u2f). */
  readonly certificateName: string;
  /** The word that people and fingerprints use: `ED25519`. */
  readonly shortName: string;
  /** Signature algorithms, preferred first. */
  readonly signatureAlgorithms: readonly string[];
  /** Those of them that are only for old peers. */
  readonly legacyAlgorithms: readonly string[];
  /** The private half lives in a FIDO token. */
  readonly securityKey: boolean;
  /** Reads the public fields that follow the type name (in a certificate: the nonce). */
  readPublic(reader: WireReader): PublicHalf;
  /** Reads the fields that follow the type name in openssh-key-v1 files and in the agent's ADD_IDENTITY. */
  readPrivate(reader: WireReader): PrivateHalf;
  /** Reads the fields that follow the certificate where a certificate stands in such a place. */
  readPrivateOfCertificate(reader: WireReader, subject: PublicHalf): PrivateHalf;
  /** Makes a new key; `bits` only where the type leaves a choice. Absent where a token makes the keys. */
  readonly generate?: (bits: number | undefined) => Promise<PrivateHalf>;
}

/** The numbers of a public key by family. */
export type PublicNumbers =
  | { readonly kind: 'ed25519'; readonly publicKey: Buffer }
  | { readonly kind: 'ecdsa'; readonly curve: string; readonly point: Buffer }
  | ({ readonly kind: 'rsa' } & RsaPublicNumbers)
  | { readonly kind: 'sk'; readonly application: string };

/** A public key's fields, read and checked. */
export interface PublicHalf {
  readonly bits: number;
  readonly numbers: PublicNumbers;
  /** Writes the fields after the type name. */
  write(writer: WireWriter): void;
  /** Checks a signature whose algorithm has been compared already. May throw for malformed input. */
  verify(signature: ReceivedSignature): boolean;
}

export interface ReceivedSignature {
  readonly data: Uint8Array;
  readonly algorithm: string;
  /** The `string` after the algorithm's name. */
  readonly body: Buffer;
  /** What follows it: flags and counter of security keys. Must be at its end when `verify` returns true. */
  readonly reader: WireReader;
  readonly options: VerifyOptions;
}

/** The token's part of a security key: what a provider needs to find the private key. */
export interface SecurityKeyHandle {
  readonly kind: 'sk';
  readonly application: string;
  /** Bit 0: a touch is required; bit 2: verification (a PIN) is required; bit 5: resident (PROTOCOL.u2f). */
  readonly flags: number;
  readonly keyHandle: Buffer;
  readonly reserved: Buffer;
}

/** A private key's fields, read and checked against the public ones. */
export interface PrivateHalf {
  readonly public: PublicHalf;
  readonly numbers: PrivateNumbers | SecurityKeyHandle;
  write(writer: WireWriter): void;
  writeOfCertificate(writer: WireWriter): void;
  /** Signs; the result is the wire form: string algorithm, string signature. */
  sign(data: Uint8Array, algorithm: string): Promise<Buffer>;
}
