/** Issuing certificates (PROTOCOL.certkeys), as ssh-keygen -s does. */
import { randomBytes } from '../crypto/random.ts';
import { maxCertificateOptions, maxCertificatePrincipals } from '../limits.ts';
import { WireWriter } from '../wire/index.ts';
import { verifyCertificate } from './certificate.ts';
import { badCertificate } from './key-error.ts';
import { decodePublicKey, requireHalf } from './public-key.ts';
import type { Certificate, PublicKey, Signer } from './types.ts';

/** What stands in a certificate apart from keys and signature. */
export interface CertificateRequest {
  /** The key to certify, a plain one. */
  readonly subject: PublicKey;
  readonly kind: 'user' | 'host';
  readonly keyId: string;
  readonly serial?: bigint;
  /** Names of users or hosts; at least one, for a certificate without names is refused everywhere. */
  readonly principals: readonly string[];
  /** Seconds since 1970; default 0 and 2^64-1: no bound. */
  readonly validAfter?: bigint;
  readonly validBefore?: bigint;
  /** Text values are written as strings, `true` as a flag, bytes as they are. */
  readonly criticalOptions?: Readonly<Record<string, CertificateOptionValue>>;
  readonly extensions?: Readonly<Record<string, CertificateOptionValue>>;
}

export type CertificateOptionValue = string | true | Uint8Array;

/** The extensions ssh-keygen gives to user certificates unless told otherwise. */
export const defaultUserExtensions: Readonly<Record<string, true>> = {
  'permit-X11-forwarding': true,
  'permit-agent-forwarding': true,
  'permit-port-forwarding': true,
  'permit-pty': true,
  'permit-user-rc': true,
};

/**
 * Signs a certificate.
 *
 * @param algorithm - the CA's signature algorithm; default its key's first, which for RSA is rsa-sha2-512.
 * @returns the certificate as a public key; `formatPublicKey` writes the -cert.pub line.
 * @throws SshError `bad-certificate` for a request that no one would accept, or a signer that signs wrongly.
 */
export async function signCertificate(
  request: CertificateRequest,
  ca: Signer,
  algorithm = ca.publicKey.signatureAlgorithms[0] as string,
): Promise<PublicKey> {
  requireSensible(request, ca);
  const writer = writeFields(request, ca.publicKey);
  const signature = await ca.sign(Buffer.from(writer.finish()), algorithm);
  const signed = decodePublicKey(writer.string(signature).finish());
  // A signer may be an agent or a token: what it made is checked before anyone relies on it.
  verifyCertificate(signed.certificate as Certificate, [algorithm]);
  return signed;
}

function requireSensible(request: CertificateRequest, ca: Signer): void {
  const { subject, principals, validAfter = 0n, validBefore = forever } = request;
  const refuse = (text: string): never => {
    throw badCertificate(text, { code: 'misuse' });
  };
  if (subject.certificate !== undefined) refuse('a certificate cannot be certified, only a plain key');
  if (ca.publicKey.certificate !== undefined) refuse('a certificate cannot be a CA, only a plain key');
  if (principals.length === 0) refuse('a certificate without principals is accepted nowhere; name at least one');
  if (principals.length > maxCertificatePrincipals)
    refuse(`at most ${maxCertificatePrincipals} principals are allowed`);
  // OpenSSH CVE-2026-35414: a comma in a name could be taken for two names.
  if (principals.some((name) => name === '' || /[,\0\r\n]/.test(name))) {
    refuse('a principal is empty or holds a comma, a NUL or a line break');
  }
  if (validBefore <= validAfter) refuse('the certificate would end before it begins');
  for (const options of [request.criticalOptions ?? {}, request.extensions ?? {}]) {
    if (Object.keys(options).length > maxCertificateOptions)
      refuse(`at most ${maxCertificateOptions} options are allowed`);
  }
}

const forever = 2n ** 64n - 1n;

function writeFields(request: CertificateRequest, authority: PublicKey): WireWriter {
  const { row, half } = requireHalf(request.subject);
  // A random nonce in front keeps the signer from signing bytes that someone else chose (PROTOCOL.certkeys).
  const writer = new WireWriter(2048).string(row.certificateName).string(randomBytes(32));
  half.write(writer);
  const principals = new WireWriter();
  for (const principal of request.principals) principals.string(principal);
  return writer
    .uint64(request.serial ?? 0n)
    .uint32(request.kind === 'user' ? 1 : 2)
    .string(request.keyId)
    .string(principals.finish())
    .uint64(request.validAfter ?? 0n)
    .uint64(request.validBefore ?? forever)
    .string(encodeOptions(request.criticalOptions))
    .string(encodeOptions(request.extensions))
    .string('')
    .string(authority.blob);
}

/** Names in byte order, each once. */
function encodeOptions(options: Readonly<Record<string, CertificateOptionValue>> = {}): Buffer {
  const writer = new WireWriter();
  for (const name of Object.keys(options).sort()) {
    writer.string(name).string(encodeValue(options[name] as CertificateOptionValue));
  }
  return writer.finish();
}

function encodeValue(value: CertificateOptionValue): Uint8Array {
  if (value === true) return Buffer.alloc(0);
  return typeof value === 'string' ? new WireWriter().string(value).finish() : value;
}
