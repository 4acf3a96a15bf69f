/** The key agreements, preferred first. */
import type { KeyAgreement } from '../key-agreement.ts';
import { curve25519Sha256, curve25519Sha256Libssh } from './curve25519.ts';
import { group1Sha1, group14Sha1, group14Sha256, group16Sha512, group18Sha512 } from './diffie-hellman-group.ts';
import { ecdhSha2Nistp256, ecdhSha2Nistp384, ecdhSha2Nistp521 } from './ecdh-sha2.ts';
import { mlkem768nistp256Sha256, mlkem768x25519Sha256 } from './mlkem768.ts';
import { sntrup761x25519Sha512, sntrup761x25519Sha512Openssh } from './sntrup761x25519.ts';

/**
 * Every key agreement in order of preference. Which of them are offered is for the caller to say, by the marks
 * `onRequest`, `legacy` and `finiteField`. Group exchange is a conversation of its own: see group-exchange.ts.
 */
export const agreements: readonly KeyAgreement[] = [
  mlkem768x25519Sha256,
  sntrup761x25519Sha512,
  sntrup761x25519Sha512Openssh,
  curve25519Sha256,
  curve25519Sha256Libssh,
  ecdhSha2Nistp256,
  ecdhSha2Nistp384,
  ecdhSha2Nistp521,
  group16Sha512,
  group18Sha512,
  group14Sha256,
  mlkem768nistp256Sha256,
  group14Sha1,
  group1Sha1,
];

/** The row of that name. */
export function findAgreement(name: string): KeyAgreement | undefined {
  return agreements.find((agreement) => agreement.name === name);
}
