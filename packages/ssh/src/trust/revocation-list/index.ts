/** Revoked keys: key revocation lists (PROTOCOL.krl) and texts of public keys, read and asked the same way. */
import { readRevokedKeyList } from './key-list.ts';
import { isKeyRevocationList, readKeyRevocationList } from './list.ts';
import type { RevokedKeys } from './types.ts';

export { type AuthorityScope, RevocationListDraft } from './draft.ts';
export { readRevokedKeyList } from './key-list.ts';
export {
  type CertificateRevocations,
  isKeyRevocationList,
  type KeyRevocationList,
  readKeyRevocationList,
} from './list.ts';
export type { RevocationReason, RevokedKeys } from './types.ts';

/**
 * Reads a file of revoked keys, as sshd's RevokedKeys and ssh's RevokedHostKeys take it: a key revocation list, or public keys,
 * one a line.
 *
 * @param options - `name`: the file's, for errors.
 * @throws SshError for a file that cannot be read wholly. Every key has to count as revoked then: who knows which of them it names.
 * @example
 * const revoked = parseRevocationList(await readFile('/etc/ssh/revoked_keys'), { name: '/etc/ssh/revoked_keys' });
 * const reason = revoked.revokes(key);
 */
export function parseRevocationList(bytes: Uint8Array, options: { name?: string } = {}): RevokedKeys {
  return isKeyRevocationList(bytes) ? readKeyRevocationList(bytes, options) : readRevokedKeyList(bytes, options);
}
