/** All key types, in order of preference, and the public key algorithms that follow from them. */
import { ecdsaNistp256, ecdsaNistp384, ecdsaNistp521 } from './ecdsa-sha2.ts';
import type { KeyType } from './key-type.ts';
import { skEcdsaNistp256 } from './sk-ecdsa-sha2-nistp256.ts';
import { skSshEd25519 } from './sk-ssh-ed25519.ts';
import { sshEd25519 } from './ssh-ed25519.ts';
import { sshRsa } from './ssh-rsa.ts';

export const keyTypes: readonly KeyType[] = [
  sshEd25519,
  ecdsaNistp256,
  ecdsaNistp384,
  ecdsaNistp521,
  skSshEd25519,
  skEcdsaNistp256,
  sshRsa,
];

/** A name that KEXINIT, USERAUTH_REQUEST and the configuration know: which key it takes and which signature it makes. */
export interface PublicKeyAlgorithm {
  readonly name: string;
  /** The type name that must stand in the key blob. */
  readonly keyType: string;
  /** The algorithm that must stand in the signature. */
  readonly signatureAlgorithm: string;
  readonly certificate: boolean;
  readonly securityKey: boolean;
  /** Left out unless the `legacy` switch is on. */
  readonly legacy: boolean;
}

/** Certificates first, then plain keys, each in order of preference. */
export const publicKeyAlgorithms: readonly PublicKeyAlgorithm[] = [
  ...keyTypes.flatMap((row) => algorithmsOf(row, true)),
  ...keyTypes.flatMap((row) => algorithmsOf(row, false)),
];

export function findPublicKeyAlgorithm(name: string): PublicKeyAlgorithm | undefined {
  return publicKeyAlgorithms.find((row) => row.name === name);
}

function algorithmsOf(row: KeyType, certificate: boolean): PublicKeyAlgorithm[] {
  return row.signatureAlgorithms.map((signatureAlgorithm) => ({
    name: certificate ? certificateAlgorithmName(row, signatureAlgorithm) : signatureAlgorithm,
    keyType: certificate ? row.certificateName : row.name,
    signatureAlgorithm,
    certificate,
    securityKey: row.securityKey,
    legacy: row.legacyAlgorithms.includes(signatureAlgorithm),
  }));
}

/** `rsa-sha2-512` gives `rsa-sha2-512-cert-v01@openssh.com`, `sk-…@openssh.com` gives `sk-…-cert-v01@openssh.com`. */
function certificateAlgorithmName(row: KeyType, signatureAlgorithm: string): string {
  if (signatureAlgorithm === row.name) return row.certificateName;
  return `${signatureAlgorithm.replace('@openssh.com', '')}-cert-v01@openssh.com`;
}
