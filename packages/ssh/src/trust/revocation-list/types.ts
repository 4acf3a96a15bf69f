/** What can be asked of revoked keys, whatever the file they came from. */
import type { PublicKey } from '../../keys/types.ts';

/** Why a key is revoked. */
export interface RevocationReason {
  /** What names it: the key itself, one of its hashes, or the serial or key id of a certificate. */
  readonly by: 'key' | 'sha1' | 'sha256' | 'serial' | 'key-id';
  /** Whether that is the key (or certificate) that was asked about, or the authority that signed the certificate. */
  readonly of: 'key' | 'authority';
}

/** Revoked keys, as sshd's RevokedKeys and ssh's RevokedHostKeys name them. */
export interface RevokedKeys {
  /** Whether a key is revoked, and why. A certificate is as well by its subject's plain key, and by its authority's. */
  revokes(key: PublicKey): RevocationReason | undefined;
}
