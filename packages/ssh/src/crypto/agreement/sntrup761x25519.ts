/** `sntrup761x25519-sha512` (RFC 9941), also under the name OpenSSH 8.5 to 9.8 know. */
import { ciphertextBytes, decapsulate, encapsulate, generateKeyPair, publicKeyBytes } from '../sntrup761/kem.ts';
import { hybridAgreement, type Kem } from './hybrid.ts';
import { x25519 } from './x25519.ts';

const sntrup761: Kem = {
  label: 'sntrup761',
  publicKeyBytes,
  ciphertextBytes,
  generateKeyPair() {
    const { publicKey, secretKey } = generateKeyPair();
    return { publicKey, decapsulate: (ciphertext) => decapsulate(secretKey, ciphertext) };
  },
  encapsulate: (publicKey) => encapsulate(publicKey),
};

export const sntrup761x25519Sha512 = hybridAgreement('sntrup761x25519-sha512', 'sha512', sntrup761, x25519);
export const sntrup761x25519Sha512Openssh = hybridAgreement(
  'sntrup761x25519-sha512@openssh.com',
  'sha512',
  sntrup761,
  x25519,
);
