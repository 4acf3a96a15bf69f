/** What an inventory holds: one item for each key, certificate and line. This is the shape that --json prints. */

export type ItemKind =
  | 'private-key'
  | 'public-key'
  | 'certificate'
  | 'authorized-key'
  | 'known-host'
  | 'allowed-signer'
  /** A folder, or a file that could not be read: they are items only where something is wrong with them. */
  | 'folder'
  | 'file';

/** `error`: it opens a door to others, or does not work. `warning`: it should be changed. `note`: worth knowing, not wrong. */
export type ProblemLevel = 'error' | 'warning' | 'note';

export type ProblemCode =
  | 'certificate-mismatch'
  | 'damaged'
  | 'duplicate'
  | 'expired'
  | 'expires-soon'
  | 'foreign-owner'
  | 'never-used'
  | 'no-private-key'
  | 'no-public-key'
  | 'not-yet-valid'
  | 'open-permissions'
  | 'public-mismatch'
  | 'revoked'
  | 'too-large'
  | 'unencrypted'
  | 'unknown-type'
  | 'unreadable'
  | 'weak'
  | 'weak-encryption'
  | 'writable-by-others';

export interface Problem {
  readonly level: ProblemLevel;
  readonly code: ProblemCode;
  /** What is wrong, and what to do where that is not plain. */
  readonly message: string;
}

/** A line that trusts a key. */
export interface TrustPlace {
  readonly kind: 'authorized-key' | 'known-host' | 'allowed-signer';
  readonly file: string;
  readonly line: number;
  /** Through the authority that signed it. */
  readonly asAuthority: boolean;
}

/** When a private key was last read by anything, as far as the file system tells. */
export interface LastUse {
  /** `unknown` where the file system keeps no times of access. */
  readonly state: 'never' | 'at' | 'unknown';
  /** Milliseconds since 1970, for `at`; some file systems write it down once a day. */
  readonly atMs: number | undefined;
}

export interface Item {
  readonly kind: ItemKind;
  readonly file: string;
  /** Counted from 1, for lines. */
  readonly line: number | undefined;
  /** The name in the key: `ssh-ed25519`; undefined where that cannot be known. */
  readonly type: string | undefined;
  readonly bits: number | undefined;
  /** `SHA256:…`, of a certificate that of its key. */
  readonly fingerprint: string | undefined;
  readonly comment: string;
  /** Permission bits of the file. */
  readonly mode: number;
  readonly owner: number;
  /** When the file was last written, milliseconds since 1970. */
  readonly modifiedMs: number;
  /** Private keys: whether a passphrase protects it. */
  readonly encrypted: boolean | undefined;
  /** Private keys. */
  readonly lastUse: LastUse | undefined;
  /** Milliseconds since 1970: a certificate's validity, expiry-time=, valid-after= and valid-before=. */
  readonly validFromMs: number | undefined;
  readonly expiresMs: number | undefined;
  /** Certificates. */
  readonly certificate: CertificateFacts | undefined;
  /** known_hosts: the hosts field; `|1|…` where it is hashed. allowed_signers: the principals. */
  readonly names: string | undefined;
  /** known_hosts: `cert-authority` or `revoked`; authorized_keys and allowed_signers: `cert-authority`. */
  readonly marker: 'cert-authority' | 'revoked' | undefined;
  /** authorized_keys: the options as they stand there. */
  readonly options: string | undefined;
  readonly trustedIn: readonly TrustPlace[];
  readonly problems: readonly Problem[];
}

export interface CertificateFacts {
  readonly kind: 'user' | 'host';
  readonly keyId: string;
  readonly serial: string;
  readonly principals: readonly string[];
  readonly authority: string;
}

export interface Inventory {
  readonly nowMs: number;
  /** The folders that were looked into. */
  readonly folders: readonly string[];
  /** Folders that were asked for and could not be looked into. */
  readonly failures: readonly { readonly folder: string; readonly reason: string }[];
  readonly items: readonly Item[];
  readonly summary: Summary;
}

export interface Summary {
  readonly counts: Readonly<Record<ItemKind, number>>;
  readonly errors: number;
  readonly warnings: number;
  readonly notes: number;
}

/** An item while it is being made: relations between items are found at the end. */
export interface Draft extends Omit<Item, 'trustedIn' | 'problems'> {
  trustedIn: TrustPlace[];
  problems: Problem[];
  /** The wire form of the plain key, one character a byte; how items are compared. */
  readonly plainBlob: string | undefined;
  /** The authority that signed a certificate, likewise. */
  readonly authorityBlob: string | undefined;
  /** What makes two paths the same file. */
  readonly identity: string;
}
