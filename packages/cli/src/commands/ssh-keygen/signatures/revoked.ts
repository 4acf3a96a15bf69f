/** The revocation file of ssh-keygen -Y verify -r. */
import { readFileSync } from 'node:fs';
import type { PublicKey } from '@nacre/ssh/keys';
import { readPublicLine } from '../key-input.ts';

export interface RevokedKeys {
  /** Why a key is revoked; undefined where it is not. */
  revokes(key: PublicKey): string | undefined;
}

/**
 * Reads a list of revoked keys, a public key a line.
 *
 * @throws Error where the file cannot be read or is not understood wholly: then nobody knows who is revoked.
 */
export function openRevokedKeys(path: string): RevokedKeys {
  const bytes = readFileSync(path);
  if (bytes.subarray(0, krlMagic.length).equals(krlMagic)) throw new Error('key revocation lists cannot be read yet');
  const keys: PublicKey[] = [];
  for (const [index, line] of bytes.toString('latin1').split('\n').entries()) {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) continue;
    const found = readPublicLine(content);
    if (found === undefined) throw new Error(`${path}:${index + 1}: invalid key`);
    keys.push(found.key.plain);
  }
  return {
    revokes: (key) => {
      if (keys.some((revoked) => revoked.equals(key.plain))) return 'the key is revoked';
      const authority = key.certificate?.signatureKey;
      if (authority === undefined || !keys.some((revoked) => revoked.equals(authority))) return undefined;
      return 'the authority that signed the certificate is revoked';
    },
  };
}

const krlMagic = Buffer.from('SSHKRL\n\0', 'latin1');
