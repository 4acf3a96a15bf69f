/** Whether a user certificate may log in at all: signed, in time, and naming one of the wanted principals. */
import { SshError } from '../errors.ts';
import type { Certificate } from '../keys/types.ts';
import { WireReader } from '../wire/index.ts';

export interface CertificateQuestion {
  /** Names one of which the certificate must bear. */
  readonly principals: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Why a user certificate is refused; undefined where it is good. That its authority is trusted is for the caller to say.
 *
 * A certificate without principals is good for nobody (CVE-2024-7594). Names are compared whole, and one with a comma is
 * refused, so that no name can pass for two (OpenSSH CVE-2026-35414).
 */
export function certificateRefusal(certificate: Certificate, question: CertificateQuestion): string | undefined {
  if (certificate.kind !== 'user') return 'it is a host certificate';
  if (certificate.signatureKey.certificate !== undefined)
    return 'it is signed by another certificate, not by a plain key';
  const seconds = BigInt(Math.max(0, Math.floor(question.now / 1000)));
  if (seconds < certificate.validAfter) return 'it is not valid yet';
  if (seconds >= certificate.validBefore) return 'it has expired';
  if (certificate.principals.length === 0) return 'it names no principal';
  if (certificate.principals.some((name) => name === '' || name.includes(','))) {
    return 'one of its principals is empty or holds a comma';
  }
  if (!certificate.principals.some((name) => question.principals.includes(name))) {
    return 'it does not name a principal that is allowed here';
  }
  return hasGoodSignature(certificate) ? undefined : 'its signature is wrong or made with a weak algorithm';
}

function hasGoodSignature(certificate: Certificate): boolean {
  const { signatureKey, signature, signedBytes } = certificate;
  try {
    const algorithm = new WireReader(signature, 'certificate signature').ascii('algorithm');
    // The authority's SHA-1 signatures can be forged by chosen-prefix collisions.
    if (algorithm === 'ssh-rsa' || !signatureKey.signatureAlgorithms.includes(algorithm)) return false;
    return signatureKey.verify(signedBytes, signature, algorithm);
  } catch (error) {
    if (error instanceof SshError) return false;
    throw error;
  }
}
