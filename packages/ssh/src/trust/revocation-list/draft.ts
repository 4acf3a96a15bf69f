/** A key revocation list in the making. */
import { SshError } from '../../errors.ts';
import type { PublicKey } from '../../keys/types.ts';
import { maxRevocationListBytes } from '../../limits.ts';
import { asBuffer, WireWriter } from '../../wire/index.ts';
import { certificateSectionTypes, sectionTypes, writeHeader } from './format.ts';
import type { KeyRevocationList } from './list.ts';
import { greatestSerial, leastSerial, SerialCollector } from './serial-ranges.ts';
import { encodeSerials } from './serial-writer.ts';

/** Whose certificates: those of one authority, or of every one. */
export type AuthorityScope = PublicKey | 'any-authority';

interface CertificateDraft {
  readonly authority: Uint8Array;
  readonly serials: SerialCollector;
  /** One character a byte. */
  readonly keyIds: Set<string>;
}

/**
 * Collects what is to be revoked and writes it as a list, in as few bytes as the format allows. What is revoked twice is written
 * once; nothing that was revoked can be taken back.
 *
 * @example
 * const draft = new RevocationListDraft();
 * draft.revokeSerials(authority, 100n, 200n);
 * draft.revoke(stolenKey);
 * await writeFile('revoked.krl', draft.encode({ generatedAt: BigInt(Math.floor(Date.now() / 1000)) }));
 */
export class RevocationListDraft {
  /** A number to be counted up with every list. */
  version = 0n;
  comment: Uint8Array | string = '';
  readonly #certificates = new Map<string, CertificateDraft>();
  /** Sets of strings, one character a byte. */
  readonly #keys = new Set<string>();
  readonly #sha1s = new Set<string>();
  readonly #sha256s = new Set<string>();

  /** Begins with what a list says, its version and comment as well. */
  static from(list: KeyRevocationList): RevocationListDraft {
    const draft = new RevocationListDraft();
    draft.version = list.version;
    draft.comment = list.comment;
    draft.merge(list);
    return draft;
  }

  /**
   * Revokes a key as `ssh-keygen -k` does: a certificate by its serial, or by its key id where it has none; a plain key by writing
   * it out, so that the list can be read by people. By its hash it would take less.
   */
  revoke(key: PublicKey): void {
    const { certificate } = key;
    if (certificate === undefined) this.revokeKey(key);
    else if (certificate.serial === 0n) this.revokeKeyId(certificate.signatureKey, certificate.keyId);
    else this.revokeSerials(certificate.signatureKey, certificate.serial);
  }

  /** Revokes a key, of a certificate its subject's, by writing it out. */
  revokeKey(key: PublicKey): void {
    this.#keys.add(binary(key.plain.blob));
  }

  /**
   * Revokes a key by the hash of its blob.
   *
   * @throws SshError `misuse` for a digest of another length.
   */
  revokeKeyHash(hashName: 'sha1' | 'sha256', digest: Uint8Array): void {
    const length = hashName === 'sha1' ? 20 : 32;
    if (digest.length !== length) throw misuse(`a ${hashName} hash of ${digest.length} bytes, expected ${length}`);
    (hashName === 'sha1' ? this.#sha1s : this.#sha256s).add(binary(digest));
  }

  /**
   * Revokes certificates by their serials, `first` to `last`, both included.
   *
   * @throws SshError `misuse` for serial 0 (which means none), one past 2^64-1, or an empty range; `limit-exceeded`
   */
  revokeSerials(scope: AuthorityScope, first: bigint, last: bigint = first): void {
    if (first < leastSerial || last > greatestSerial || last < first) {
      throw misuse(`serials ${first} to ${last}, expected 1 to ${greatestSerial} in ascending order`);
    }
    this.#draftFor(scope).serials.add(first, last);
  }

  /** Revokes certificates by their key id. */
  revokeKeyId(scope: AuthorityScope, keyId: string | Uint8Array): void {
    const id = binary(typeof keyId === 'string' ? Buffer.from(keyId, 'utf8') : keyId);
    if (id.includes('\0')) throw misuse('a key id with a NUL cannot be revoked');
    this.#draftFor(scope).keyIds.add(id);
  }

  /** Adds everything that another list revokes. Its extensions are not taken along. */
  merge(list: KeyRevocationList): void {
    for (const key of list.keys()) this.#keys.add(binary(key));
    for (const digest of list.keyHashes('sha1')) this.#sha1s.add(binary(digest));
    for (const digest of list.keyHashes('sha256')) this.#sha256s.add(binary(digest));
    for (const { authority, serials, keyIds } of list.certificates()) {
      const draft = this.#draftFor(authority ?? 'any-authority');
      for (const [first, last] of serials()) draft.serials.add(first, last);
      for (const id of keyIds()) draft.keyIds.add(binary(id));
    }
  }

  /**
   * The list in wire form.
   *
   * @param options - `generatedAt`: seconds since 1970.
   * @throws SshError `limit-exceeded` for one that nobody would read; `misuse` for a comment with a NUL.
   */
  encode(options: { generatedAt: bigint }): Buffer {
    const comment = typeof this.comment === 'string' ? Buffer.from(this.comment, 'utf8') : this.comment;
    if (comment.includes(0)) throw misuse('the comment of a revocation list cannot hold a NUL');
    const writer = new WireWriter(4096);
    writeHeader(writer, { version: this.version, generatedAt: options.generatedAt, comment });
    for (const draft of this.#certificates.values()) {
      writer.uint8(sectionTypes.certificates).string(encodeCertificates(draft));
    }
    writeStrings(writer, sectionTypes.explicitKeys, this.#keys);
    writeStrings(writer, sectionTypes.sha1, this.#sha1s);
    writeStrings(writer, sectionTypes.sha256, this.#sha256s);
    if (writer.length > maxRevocationListBytes) {
      const message = `the revocation list is ${writer.length} bytes long, at most ${maxRevocationListBytes} are read`;
      throw new SshError(message, { code: 'limit-exceeded', stage: 'trust' });
    }
    return writer.finish();
  }

  #draftFor(scope: AuthorityScope): CertificateDraft {
    if (scope !== 'any-authority' && scope.certificate !== undefined) {
      throw misuse('a certificate is given as authority, expected its plain key');
    }
    const authority = scope === 'any-authority' ? new Uint8Array() : scope.blob;
    const id = binary(authority);
    const known = this.#certificates.get(id);
    if (known !== undefined) return known;
    const draft = { authority, serials: new SerialCollector(), keyIds: new Set<string>() };
    this.#certificates.set(id, draft);
    return draft;
  }
}

function encodeCertificates({ authority, serials, keyIds }: CertificateDraft): Buffer {
  const writer = new WireWriter(4096).string(authority).string('');
  if (!serials.isEmpty) writer.fixed(encodeSerials(serials.union()));
  writeStrings(writer, certificateSectionTypes.keyIds, keyIds);
  return writer.finish();
}

/** One section for all, in the order of their bytes, as readers expect it of hashes. */
function writeStrings(writer: WireWriter, type: number, strings: ReadonlySet<string>): void {
  if (strings.size === 0) return;
  const body = new WireWriter(4096);
  // Characters are bytes here, so that the order of characters is that of bytes.
  for (const text of [...strings].sort()) body.string(Buffer.from(text, 'latin1'));
  writer.uint8(type).string(body.finish());
}

function binary(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('latin1');
}

function misuse(message: string): SshError {
  return new SshError(message, { code: 'misuse', stage: 'trust' });
}
