/** The revocation file of ssh-keygen -Y verify -r. */
import { readFileSync } from 'node:fs';
import type { PublicKey } from '@nacre/ssh/keys';
import { parseRevocationList } from '@nacre/ssh/trust/revocation-list';

/**
 * Why a key is revoked by a key revocation list or a list of public keys; undefined where it is not.
 *
 * @throws Error where the file cannot be read or is not understood wholly: then nobody knows who is revoked.
 */
export function revocationReason(path: string, key: PublicKey): string | undefined {
  const reason = parseRevocationList(readFileSync(path), { name: path }).revokes(key);
  if (reason === undefined) return undefined;
  return reason.of === 'key' ? 'the key is revoked' : 'the authority that signed the certificate is revoked';
}
