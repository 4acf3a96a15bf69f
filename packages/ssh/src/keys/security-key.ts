/** What the two kinds of FIDO security keys share (PROTOCOL.u2f): the signed bytes, flags, private fields. */
import { hash } from '../crypto/hash.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import { badKey, parsingKey } from './key-error.ts';
import type { PrivateHalf, PublicHalf, SecurityKeyHandle } from './key-types/key-type.ts';
import { decodeSignature } from './signature.ts';
import type { VerifyOptions } from './types.ts';

/** Flags an authenticator sets in a signature (WebAuthn §6.1). */
export const authenticatorFlags = {
  userPresent: 0x01,
  userVerified: 0x04,
  attestedData: 0x40,
  extensionData: 0x80,
} as const;

/** Bytes of an application string or of a key handle; both are hashed or copied at every use. */
const maxApplicationBytes = 1024;
const maxHandleBytes = 8192;

/** What the token signs: SHA-256 of the application, flags, counter, extensions, SHA-256 of the message. */
export function securityKeyData(
  application: string,
  flags: number,
  counter: number,
  message: Uint8Array,
  extensions: Uint8Array = Buffer.alloc(0),
): Buffer {
  return new WireWriter(128)
    .fixed(hash('sha256', Buffer.from(application, 'utf8')))
    .uint8(flags)
    .uint32(counter)
    .fixed(extensions)
    .fixed(hash('sha256', message))
    .finish();
}

/** What a security key's signature tells of how it was made. It counts only once the signature has been verified. */
export interface SecurityKeySignature {
  readonly algorithm: string;
  /** The authenticator's flags as they are (WebAuthn §6.1). */
  readonly flags: number;
  /** Grows with every signature of the token; one that does not grow may mean that there are two of it. */
  readonly counter: number;
  /** Somebody touched the token. */
  readonly userPresent: boolean;
  /** The token asked for a PIN or a finger and got the right one. */
  readonly userVerified: boolean;
}

/**
 * Reads flags and counter of a security key's signature; undefined for signatures of other kinds.
 *
 * @param signature - in its wire form, as `PublicKey.verify` takes it. Verify it first: what is read here is signed, not proved.
 * @throws SshError `bad-key` where it is cut.
 * @example
 * if (key.verify(data, signature, algorithm)) audit(readSecurityKeySignature(signature)?.counter);
 */
export function readSecurityKeySignature(signature: Uint8Array): SecurityKeySignature | undefined {
  const { algorithm, rest } = decodeSignature(signature);
  if (!/^(webauthn-)?sk-/.test(algorithm)) return undefined;
  return parsingKey(() => {
    const reader = new WireReader(rest, 'security key signature');
    const flags = reader.uint8('flags');
    const counter = reader.uint32('counter');
    const userPresent = (flags & authenticatorFlags.userPresent) !== 0;
    const userVerified = (flags & authenticatorFlags.userVerified) !== 0;
    return { algorithm, flags, counter, userPresent, userVerified };
  });
}

/** A signature made without the touch or the PIN that is asked for counts as no signature (Go CVE-2026-39831). */
export function flagsSuffice(flags: number, options: VerifyOptions): boolean {
  const { requireUserPresence = true, requireUserVerification = false } = options;
  if (requireUserPresence && (flags & authenticatorFlags.userPresent) === 0) return false;
  return !requireUserVerification || (flags & authenticatorFlags.userVerified) !== 0;
}

export function readApplication(reader: WireReader): string {
  const application = reader.text('application', maxApplicationBytes);
  if (application.includes('\0')) throw badKey(`${reader.what}: the application holds a NUL`);
  return application;
}

/** Reads the token's fields, which follow the public ones; the application stands among those. */
export function readHandle(reader: WireReader, application: string): SecurityKeyHandle {
  return {
    kind: 'sk',
    application,
    flags: reader.uint8('flags'),
    keyHandle: Buffer.from(reader.string('key handle', maxHandleBytes)),
    reserved: Buffer.from(reader.string('reserved', maxHandleBytes)),
  };
}

/** The "private" half: it can be stored and shown, but only the token signs. */
export function securityKeyPrivate(
  half: PublicHalf,
  handle: SecurityKeyHandle,
  writeCertificatePublic: (writer: WireWriter) => void,
): PrivateHalf {
  const writeHandle = (writer: WireWriter): void =>
    void writer.uint8(handle.flags).string(handle.keyHandle).string(handle.reserved);
  return {
    public: half,
    numbers: handle,
    write: (writer) => {
      half.write(writer);
      writeHandle(writer);
    },
    writeOfCertificate: (writer) => {
      writeCertificatePublic(writer);
      writeHandle(writer);
    },
    sign: async () => {
      throw badKey('this key lives in a security key (FIDO token), which alone can sign with it', {
        code: 'unsupported',
        remedy: 'Sign through createSecurityKeySigner() with a provider that talks to the token, or through an agent.',
      });
    },
  };
}
