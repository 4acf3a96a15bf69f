/** @nacre/ssh/keys: public and private keys, their files, certificates, fingerprints and signers. */

export { maxCertificatePrincipals } from '../limits.ts';
export {
  type CertificateOptions,
  type CheckCertificateOptions,
  checkCertificate,
  parseCertificateOptions,
  userCriticalOptions,
  verifyCertificate,
} from './certificate.ts';
export {
  buildCertificateOptions,
  type CertificateOption,
  type CertificateSection,
  type CertificateSections,
  defaultUserExtensions,
  parseCertificateOption,
} from './certificate-words.ts';
export {
  type CertificateDescription,
  type DescribedKey,
  type DescribedOption,
  type DescribeOptions,
  describeCertificate,
  type FormatCertificateOptions,
  formatCertificate,
  formatValidity,
} from './describe-certificate.ts';
export { formatExpiringKey, formatExpiryTime, parseExpiry } from './expiry.ts';
export {
  bubbleBabble,
  type FingerprintHash,
  fingerprint,
  formatFingerprintLine,
  randomArt,
  shortTypeName,
} from './fingerprint.ts';
export type { FormatOptions, ParseOptions, Passphrase } from './formats/format.ts';
export { keyFileCipherNames } from './formats/openssh.ts';
export {
  formatOfFile,
  formatPrivateKey,
  formatPublicKey,
  isEncrypted,
  type PrivateKeyFormatName,
  type PublicKeyFormatName,
  parsePrivateKey,
  parsePublicKey,
  peekPublicKey,
} from './key-file.ts';
export type { SecurityKeyHandle } from './key-types/key-type.ts';
export { findPublicKeyAlgorithm, type PublicKeyAlgorithm, publicKeyAlgorithms } from './key-types/table.ts';
export { type ChangePassphraseOptions, changePassphrase } from './passphrase.ts';
export {
  generateKey,
  readPrivateKey,
  securityKeyHandle,
  withPrivateKeyDetails,
  writePrivateKey,
} from './private-key.ts';
export { type DecodePublicKeyOptions, decodePublicKey } from './public-key.ts';
export { readSecurityKeySignature, type SecurityKeySignature } from './security-key.ts';
export {
  type CertificateOptionValue,
  type CertificateRequest,
  signCertificate,
} from './sign-certificate.ts';
export { decodeSignature, encodeSignature, type WireSignature } from './signature.ts';
export {
  chooseSignatureAlgorithm,
  createSecurityKeySigner,
  type SecurityKeyAnswer,
  type SecurityKeyProvider,
  type SecurityKeyRequest,
  securityKeyData,
  withCertificate,
} from './signer.ts';
export {
  decodeSshfp,
  encodeSshfp,
  type FormatSshfpOptions,
  formatSshfp,
  matchSshfp,
  type NamedSshfpRecord,
  parseSshfp,
  type SshfpHash,
  type SshfpRecord,
  sshfpRecord,
} from './sshfp.ts';
export {
  decodeMessageSignature,
  digestMessage,
  encodeMessageSignature,
  formatMessageSignature,
  type MessageHash,
  type MessageOrDigest,
  type MessageSignature,
  type MessageSource,
  messageHashes,
  parseMessageSignature,
  type SignMessageOptions,
  signMessage,
  type VerifiedMessage,
  type VerifyMessageOptions,
  verifyMessage,
} from './sshsig/index.ts';
export type { Certificate, PrivateKey, PublicKey, Signer, VerifyOptions } from './types.ts';
export {
  formatAbsoluteTime,
  parseDuration,
  parseTimeSpec,
  parseValidityInterval,
  parseValidityTime,
  type Validity,
} from './validity.ts';
