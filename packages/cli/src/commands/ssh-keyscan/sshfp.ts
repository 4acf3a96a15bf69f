/** SSHFP records of host keys (RFC 4255, RFC 6594, RFC 7479). */
import { hash } from '@nacre/ssh/crypto';
import type { PublicKey } from '@nacre/ssh/keys';

export type SshfpHash = 'sha1' | 'sha256';

const hashNumbers: Readonly<Record<SshfpHash, number>> = { sha1: 1, sha256: 2 };

/** A record for each hash; none for keys that have no number there (security keys, certificates). */
export function formatSshfp(host: string, key: PublicKey, hashes: readonly SshfpHash[]): string[] {
  const algorithm = algorithmNumber(key.type);
  if (algorithm === undefined) return [];
  return hashes.map(
    (name) => `${host} IN SSHFP ${algorithm} ${hashNumbers[name]} ${hash(name, key.blob).toString('hex')}`,
  );
}

function algorithmNumber(type: string): number | undefined {
  if (type === 'ssh-rsa') return 1;
  if (/^ecdsa-sha2-nistp[0-9]+$/.test(type)) return 3;
  return type === 'ssh-ed25519' ? 4 : undefined;
}
