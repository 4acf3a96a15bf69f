/** HMAC as an SSH packet MAC (RFC 4253 §6.4, RFC 6668), in the plain and in OpenSSH's encrypt-then-MAC variants. */
import { createHmac, createSecretKey } from 'node:crypto';
import { SshError } from '../../errors.ts';
import type { EvpHmac } from '../evp/bindings.ts';
import { evpForBulk } from '../evp/library.ts';
import type { HashName } from '../key-agreement.ts';
import type { MacAlgorithm } from '../packet-protection.ts';

export const hmacSha256Etm = hmacRow('hmac-sha2-256-etm@openssh.com', 'sha256', 32, { etm: true });
export const hmacSha512Etm = hmacRow('hmac-sha2-512-etm@openssh.com', 'sha512', 64, { etm: true });
export const hmacSha256 = hmacRow('hmac-sha2-256', 'sha256', 32, { etm: false });
export const hmacSha512 = hmacRow('hmac-sha2-512', 'sha512', 64, { etm: false });
// HMAC does not rest on collision resistance, so SHA-1 is still sound here; it is there for servers that have nothing else.
export const hmacSha1Etm = hmacRow('hmac-sha1-etm@openssh.com', 'sha1', 20, { etm: true, clientOnly: true });
export const hmacSha1 = hmacRow('hmac-sha1', 'sha1', 20, { etm: false, clientOnly: true });

/** Key and MAC are both as long as the digest (RFC 4253 §6.4, RFC 6668 §2). */
function hmacRow(
  name: string,
  hashName: HashName,
  digestBytes: number,
  traits: Pick<MacAlgorithm, 'etm' | 'clientOnly'>,
): MacAlgorithm {
  return {
    name,
    keyBytes: digestBytes,
    macBytes: digestBytes,
    ...traits,
    create(key) {
      if (key.length !== digestBytes) {
        throw new SshError(`${name} takes a key of ${digestBytes} bytes, not ${key.length}`, {
          code: 'misuse',
          stage: 'transport',
        });
      }
      // A KeyObject: with a Buffer, Node 24 spends 25 µs a packet on wrapping it anew.
      const secretKey = createSecretKey(key);
      const sequenceBytes = Buffer.alloc(4);
      let passedBytes = 0;
      let hmac: EvpHmac | undefined;
      return (sequence, ...parts) => {
        sequenceBytes.writeUInt32BE(sequence, 0);
        hmac ??= evpForBulk(passedBytes)?.hmac(hashName, secretKey.export());
        if (hmac !== undefined) {
          const mac = Buffer.allocUnsafe(digestBytes);
          hmac.compute(mac, sequenceBytes, ...parts);
          return mac;
        }
        const state = createHmac(hashName, secretKey).update(sequenceBytes);
        for (const part of parts) {
          state.update(part);
          passedBytes += part.length;
        }
        return state.digest();
      };
    },
  };
}
