/** @nacre/ssh/crypto: the primitives' tables, and what seals and opens packets with them. */

export { type ModuliEntry, parseModuli } from './agreement/moduli.ts';
export { agreements, findAgreement } from './agreement/table.ts';
export { ciphers, findCipher } from './ciphers/table.ts';
export { prepareCiphers } from './evp/library.ts';
export { type DigestName, hash, hmac, timingSafeEqual } from './hash.ts';
export type { AgreementInitiator, AgreementResponse, HashName, KeyAgreement } from './key-agreement.ts';
export { findMac, macs } from './macs/table.ts';
export {
  formatModuliLine,
  type ModuliLine,
  maxModuliBits,
  maxModuliLineBytes,
  minModuliBits,
  parseModuliLine,
} from './moduli/line.ts';
export { minPrimeTrials, type ScreenOptions, type ScreenVerdict, screenModulus } from './moduli/screen.ts';
export { type Sieve, type SieveOptions, sieveCount, sieveModuli } from './moduli/sieve.ts';
export type {
  CipherAlgorithm,
  DirectionKeys,
  MacAlgorithm,
  PacketOpener,
  PacketProtectionState,
  PacketSealer,
} from './packet-protection.ts';
export { randomBytes } from './random.ts';
