/** `mlkem768x25519-sha256` and `mlkem768nistp256-sha256` (draft-ietf-sshm-mlkem-hybrid-kex). */
import { loadMlKem768, mlKem768CiphertextBytes, mlKem768PublicKeyBytes } from '../ml-kem.ts';
import { hybridAgreement, type Kem } from './hybrid.ts';
import { nistp256 } from './nist-curve.ts';
import { x25519 } from './x25519.ts';

const mlKem768: Kem = {
  label: 'ML-KEM-768',
  publicKeyBytes: mlKem768PublicKeyBytes,
  ciphertextBytes: mlKem768CiphertextBytes,
  generateKeyPair: async () => (await loadMlKem768()).generateKeyPair(),
  encapsulate: async (publicKey) => (await loadMlKem768()).encapsulate(publicKey),
};

export const mlkem768x25519Sha256 = hybridAgreement('mlkem768x25519-sha256', 'sha256', mlKem768, x25519);

export const mlkem768nistp256Sha256 = {
  ...hybridAgreement('mlkem768nistp256-sha256', 'sha256', mlKem768, nistp256),
  onRequest: true,
} as const;
