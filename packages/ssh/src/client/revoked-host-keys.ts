/** Host keys that files of revoked keys name are refused, whatever another policy says. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { SshError } from '../errors.ts';
import { fingerprint, shortTypeName } from '../keys/fingerprint.ts';
import type { PublicKey } from '../keys/types.ts';
import { maxRevocationListBytes } from '../limits.ts';
import type { HostKeyPolicy } from './host-key-policy.ts';

export interface RevokedHostKeysOptions {
  /** Told why a key is refused, before the connection ends with that error. */
  onRefusal?: (error: SshError) => void;
}

/**
 * A policy that asks files of revoked keys first (RevokedHostKeys of ssh_config(5)): key revocation lists, or public keys, one a
 * line. Certificates are refused as well for their subject's key and their authority's.
 *
 * A file that is not there or cannot be read wholly refuses every key: nobody knows which it names.
 *
 * @param files - paths; each is read again for every connection.
 * @param policy - whom to trust otherwise.
 * @example
 * const hostKeys = refuseRevokedHostKeys(['/etc/ssh/revoked_hosts'], knownHosts());
 */
export function refuseRevokedHostKeys(
  files: readonly string[],
  policy: HostKeyPolicy,
  options: RevokedHostKeysOptions = {},
): HostKeyPolicy {
  return {
    ...policy,
    async verify(question) {
      for (const file of files) {
        const refusal = await findRefusal(file, question.key);
        if (refusal === undefined) continue;
        options.onRefusal?.(refusal);
        throw refusal;
      }
      await policy.verify(question);
    },
  };
}

async function findRefusal(file: string, key: PublicKey): Promise<SshError | undefined> {
  const name = `${shortTypeName(key)} ${fingerprint(key)}`;
  const init = { code: 'host-key-revoked', stage: 'host-key', side: 'peer', disconnect: 9 } as const;
  try {
    // Few programs name such files: the others need not load what reads them.
    const { parseRevocationList } = await import('../trust/revocation-list/index.ts');
    if (parseRevocationList(await readList(file), { name: file }).revokes(key) === undefined) return undefined;
    return new SshError(`Host key ${name} revoked by file ${file}`, {
      ...init,
      remedy: 'The key may be in the hands of somebody else: ask those who run the host.',
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new SshError(`Error checking host key ${name} in revoked keys file ${file}: ${reason}`, { ...init, cause });
  }
}

/** Only regular files: a pipe or device would be read for ever (libssh CVE-2026-0965). /dev/null is the usual "none". */
async function readList(path: string): Promise<Buffer> {
  if (path === '/dev/null') return Buffer.alloc(0);
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error('it is not a regular file');
    if (stats.size > maxRevocationListBytes) throw new Error(`it is larger than ${maxRevocationListBytes} bytes`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}
