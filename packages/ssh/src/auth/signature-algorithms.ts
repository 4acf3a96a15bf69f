/** Which public key algorithms login accepts, and which of them a client uses with a given key and server. */
import { findPublicKeyAlgorithm, type PublicKeyAlgorithm, publicKeyAlgorithms } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';

/** Public key algorithms that login accepts unless told otherwise: all that are not legacy, certificates first. */
export const defaultSignatureAlgorithms: readonly string[] = publicKeyAlgorithms
  .filter((algorithm) => !algorithm.legacy)
  .map((algorithm) => algorithm.name);

/**
 * The algorithms to try with a key, most wanted first; none where this server and this client share none.
 *
 * @param allowed - public key algorithm names the client may use, preferred first.
 * @param serverSignatureAlgorithms - the server's `server-sig-algs` (RFC 8308 §3.1), undefined where it sent none.
 */
export function algorithmsToTry(
  key: PublicKey,
  allowed: readonly string[],
  serverSignatureAlgorithms: readonly string[] | undefined,
): PublicKeyAlgorithm[] {
  const usable = allowed
    .flatMap((name) => findPublicKeyAlgorithm(name) ?? [])
    // A WebAuthn signature is a browser's answer, a signer makes none by itself.
    .filter((algorithm) => algorithm.keyType === key.type && !algorithm.name.startsWith('webauthn-'));
  // Other types have one algorithm each, so that what the server lists changes nothing: OpenSSH tries them all the same.
  if (key.plain.type !== 'ssh-rsa') return usable.slice(0, 1);
  if (serverSignatureAlgorithms !== undefined) {
    const known = ({ name, signatureAlgorithm }: PublicKeyAlgorithm): boolean =>
      serverSignatureAlgorithms.includes(signatureAlgorithm) || serverSignatureAlgorithms.includes(name);
    return usable.filter(known).slice(0, 1);
  }
  // Servers that announce nothing either know rsa-sha2-* all the same or know SHA-1 only: try the good one first.
  return [
    ...usable.filter((algorithm) => !algorithm.legacy).slice(0, 1),
    ...usable.filter((algorithm) => algorithm.legacy).slice(0, 1),
  ];
}
