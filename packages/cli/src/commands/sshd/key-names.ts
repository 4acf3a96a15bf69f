/** How keys are named in the log: their kind and fingerprint (FingerprintHash), and who signed them. */
import { type FingerprintHash, fingerprint, type PublicKey, shortTypeName } from '@nacre/ssh/keys';
import type { Settings } from './config/config.ts';

/** What the configuration says of them. */
export type NameSettings = Pick<Settings, 'fingerprintHash'>;

/** `ED25519 SHA256:…`, and who signed it where it is a certificate. */
export function describeKey(key: PublicKey, settings: NameSettings): string {
  const plain = nameKey(key, settings);
  const { certificate } = key;
  if (certificate === undefined) return plain;
  const { keyId, serial, signatureKey } = certificate;
  return `${plain} ID ${keyId} (serial ${serial}) CA ${nameKey(signatureKey, settings)}`;
}

/** `ED25519 SHA256:…` */
export function nameKey(key: PublicKey, settings: NameSettings): string {
  return `${shortTypeName(key)} ${configuredFingerprint(key, settings)}`;
}

export function configuredFingerprint(key: PublicKey, { fingerprintHash }: NameSettings): string {
  return fingerprint(key, fingerprintHash.toLowerCase() as FingerprintHash);
}
