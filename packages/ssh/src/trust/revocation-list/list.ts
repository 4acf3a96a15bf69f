/** Key revocation lists (PROTOCOL.krl), read and asked. */
import { hash } from '../../crypto/hash.ts';
import { SshError } from '../../errors.ts';
import type { PublicKey } from '../../keys/types.ts';
import { maxRevocationListBytes } from '../../limits.ts';
import { asBuffer, WireReader } from '../../wire/index.ts';
import { type Header, listError, magic, readHeader, sourceOf } from './format.ts';
import { type Contents, emptyContents, type RevokedCertificates, readSections } from './sections.ts';
import type { RevocationReason, RevokedKeys } from './types.ts';

/** Whether a file is a key revocation list, and not a text of keys. */
export function isKeyRevocationList(bytes: Uint8Array): boolean {
  return bytes.length >= magic.length && magic.equals(asBuffer(bytes).subarray(0, magic.length));
}

/**
 * Reads a key revocation list. Every byte is checked now; nothing is unfolded until it is asked for.
 *
 * The list refers to the bytes given, which must not change any more.
 *
 * @param options - `name`: the file's, for errors.
 * @throws SshError `bad-file`, `unsupported` (a section or critical extension that is not known) or `limit-exceeded`; to the caller
 *   all of them mean that every key is revoked.
 * @example
 * const list = readKeyRevocationList(await readFile('/etc/ssh/revoked.krl'));
 * if (list.revokes(key) !== undefined) refuse();
 */
export function readKeyRevocationList(bytes: Uint8Array, options: { name?: string } = {}): KeyRevocationList {
  const { name = 'revocation list' } = options;
  if (bytes.length > maxRevocationListBytes) {
    const detail = `${bytes.length} bytes long, at most ${maxRevocationListBytes} are read`;
    throw listError(name, detail, { code: 'limit-exceeded' });
  }
  if (!isKeyRevocationList(bytes)) throw listError(name, 'no key revocation list (its first bytes are not "SSHKRL")');
  try {
    const source = sourceOf(asBuffer(bytes), name);
    const reader = new WireReader(bytes, 'header', magic.length);
    const header = readHeader(reader);
    const contents = emptyContents(source);
    readSections(contents, reader.offset);
    return new KeyRevocationList(header, contents);
  } catch (error) {
    if (error instanceof SshError && error.code === 'bad-message')
      throw listError(name, error.message, { cause: error });
    throw error;
  }
}

/** A key revocation list; made by `readKeyRevocationList`. */
export class KeyRevocationList implements RevokedKeys {
  readonly #header: Header;
  readonly #contents: Contents;

  constructor(header: Header, contents: Contents) {
    this.#header = header;
    this.#contents = contents;
  }

  /** A number that whoever makes the lists counts up. */
  get version(): bigint {
    return this.#header.version;
  }

  /** Seconds since 1970. */
  get generatedAt(): bigint {
    return this.#header.generatedAt;
  }

  /** As it stands in the file; whether it is UTF-8 nobody has checked. */
  get comment(): Uint8Array {
    return this.#header.comment;
  }

  /** Revoked keys as blobs, in the order of their bytes. */
  keys(): Iterable<Buffer> {
    return this.#contents.keys.values();
  }

  /** Hashes of revoked keys, in order. */
  keyHashes(hashName: 'sha1' | 'sha256'): Iterable<Buffer> {
    return (hashName === 'sha1' ? this.#contents.sha1s : this.#contents.sha256s).values();
  }

  /** What is revoked of each authority's certificates, in the order of the file. */
  *certificates(): Generator<CertificateRevocations> {
    for (const { authority, serials, keyIds } of this.#contents.certificates.values()) {
      if (serials.isEmpty && keyIds.count === 0) continue;
      yield { authority, serials: () => serials.ranges(), keyIds: () => keyIds.values() };
    }
  }

  /** Searches: no work is in proportion to the length of the list, but for the first few questions about long lists of strings. */
  revokes(key: PublicKey): RevocationReason | undefined {
    const by = this.#findKey(key.plain) ?? this.#findCertificate(key);
    if (by !== undefined) return { by, of: 'key' };
    const authority = key.certificate && this.#findKey(key.certificate.signatureKey.plain);
    return authority && { by: authority, of: 'authority' };
  }

  #findKey({ blob }: PublicKey): 'key' | 'sha1' | 'sha256' | undefined {
    const { keys, sha1s, sha256s } = this.#contents;
    if (sha1s.count > 0 && sha1s.has(hash('sha1', blob))) return 'sha1';
    if (sha256s.count > 0 && sha256s.has(hash('sha256', blob))) return 'sha256';
    return keys.has(blob) ? 'key' : undefined;
  }

  #findCertificate({ certificate }: PublicKey): 'key-id' | 'serial' | undefined {
    if (certificate === undefined) return undefined;
    const { certificates } = this.#contents;
    const authority = certificate.signatureKey.blob.toString('latin1');
    for (const revoked of [certificates.get(authority), certificates.get('')]) {
      if (revoked === undefined) continue;
      if (isIdRevoked(revoked, certificate.keyId)) return 'key-id';
      // Serial 0 is what a certificate has whose authority gave it none; it stands in no list.
      if (revoked.serials.has(certificate.serial)) return 'serial';
    }
    return undefined;
  }
}

/** What a list says about the certificates of one authority. */
export interface CertificateRevocations {
  /** Undefined for the certificates of any authority. */
  readonly authority: PublicKey | undefined;
  /** Ranges of serials in order, with gaps between them. */
  serials(): Iterable<readonly [first: bigint, last: bigint]>;
  /** Key ids in the order of their bytes, which are UTF-8 as a rule. */
  keyIds(): Iterable<Buffer>;
}

function isIdRevoked({ keyIds }: RevokedCertificates, keyId: string): boolean {
  return keyIds.count > 0 && keyIds.has(Buffer.from(keyId, 'utf8'));
}
