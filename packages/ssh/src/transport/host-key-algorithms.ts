/** Host key algorithms: the public key algorithms that a server can prove itself with. */
import { type PublicKeyAlgorithm, publicKeyAlgorithms } from '../keys/key-types/table.ts';

/** Every row, preferred first: certificates before plain keys, as OpenSSH has it, since they need no first-use question. */
export const hostKeyAlgorithms: readonly PublicKeyAlgorithm[] = publicKeyAlgorithms.filter(
  // Browsers alone make webauthn signatures, and no browser is a server.
  (row) => !row.name.startsWith('webauthn-'),
);

export function findHostKeyAlgorithm(name: string): PublicKeyAlgorithm | undefined {
  return hostKeyAlgorithms.find((row) => row.name === name);
}
