/** Whether a user certificate may log in at all: signed, in time, and naming one of the wanted principals. */
import { SshError } from '../errors.ts';
import { checkCertificate } from '../keys/index.ts';
import type { Certificate } from '../keys/types.ts';

export interface CertificateQuestion {
  /** Names one of which the certificate must bear. */
  readonly principals: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** CASignatureAlgorithms; default all that the authority's key can make, except ssh-rsa, whose SHA-1 can be forged. */
  readonly caSignatureAlgorithms?: readonly string[] | undefined;
}

/**
 * Why a user certificate is refused; undefined where it is good. That its authority is trusted is for the caller to say.
 *
 * A certificate without principals is good for nobody (CVE-2024-7594). Names are compared whole, and one with a comma is
 * refused, so that no name can pass for two (OpenSSH CVE-2026-35414).
 */
export function certificateRefusal(certificate: Certificate, question: CertificateQuestion): string | undefined {
  const { principals, now } = question;
  if (certificate.signatureKey.certificate !== undefined)
    return 'it is signed by another certificate, not by a plain key';
  if (certificate.principals.some((name) => name === '' || name.includes(','))) {
    return 'one of its principals is empty or holds a comma';
  }
  const principal = certificate.principals.find((name) => principals.includes(name)) ?? principals[0] ?? '';
  const usable = certificate.signatureKey.signatureAlgorithms.filter((name) => name !== 'ssh-rsa');
  try {
    checkCertificate(certificate, {
      kind: 'user',
      principal,
      now: BigInt(Math.max(0, Math.floor(now / 1000))),
      caSignatureAlgorithms: question.caSignatureAlgorithms ?? usable,
    });
    return undefined;
  } catch (error) {
    if (error instanceof SshError) return error.message;
    throw error;
  }
}
