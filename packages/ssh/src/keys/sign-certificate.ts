/** Issuing certificates (PROTOCOL.certkeys), as ssh-keygen -s does. */
import { randomBytes } from '../crypto/random.ts';
import { maxCertificateOptions, maxCertificatePrincipals } from '../limits.ts';
import { WireWriter } from '../wire/index.ts';
import { addressListFlaw } from './address-blocks.ts';
import { badCertificate } from './key-error.ts';
import { isInMemory } from './private-key.ts';
import { certifiedKey, requireHalf } from './public-key.ts';
import type { PublicKey, Signer } from './types.ts';
import { forever } from './validity.ts';

/** What stands in a certificate apart from keys and signature. */
export interface CertificateRequest {
  /** The key to certify, a plain one. */
  readonly subject: PublicKey;
  readonly kind: 'user' | 'host';
  readonly keyId: string;
  readonly serial?: bigint;
  /** Names of users or hosts; at least one, for a certificate without names is refused everywhere. */
  readonly principals: readonly string[];
  /**
   * Signs although there are no principals. OpenSSH before 10.3 takes such a certificate for anyone's, newer versions and nacre
   * for nobody's: only for those who know who will read it.
   */
  readonly allowNoPrincipals?: boolean;
  /** Seconds since 1970; default 0 and 2^64-1: no bound. */
  readonly validAfter?: bigint;
  readonly validBefore?: bigint;
  /** Text values are written as strings, `true` as a flag, bytes as they are. */
  readonly criticalOptions?: Readonly<Record<string, CertificateOptionValue>>;
  readonly extensions?: Readonly<Record<string, CertificateOptionValue>>;
}

export type CertificateOptionValue = string | true | Uint8Array;

/**
 * Signs a certificate.
 *
 * @param ca - a private key, or a key that an agent or a token holds.
 * @param algorithm - the CA's signature algorithm; default its key's first, which for RSA is rsa-sha2-512.
 * @returns the certificate as a public key; `formatPublicKey` writes the -cert.pub line.
 * @throws SshError `misuse` for a request that no one would accept, `bad-certificate` for a signer that signs wrongly, and
 *   whatever the signer throws.
 * @example
 * const certificate = await signCertificate(
 *   {
 *     subject: key.publicKey,
 *     kind: 'user',
 *     keyId: 'ada',
 *     principals: ['ada'],
 *     ...parseValidityInterval('+52w', Math.floor(Date.now() / 1000)),
 *     ...buildCertificateOptions('user', ['no-x11-forwarding']),
 *   },
 *   ca,
 * );
 */
export async function signCertificate(
  request: CertificateRequest,
  ca: Signer,
  algorithm = ca.publicKey.signatureAlgorithms[0] as string,
): Promise<PublicKey> {
  requireSensible(request, ca);
  const writer = writeFields(request, ca.publicKey);
  const signed = Buffer.from(writer.finish());
  const signature = await ca.sign(signed, algorithm);
  requireSignature(ca, signed, signature, algorithm);
  return certifiedKey(request.subject, ca.publicKey, writer.string(signature).finish());
}

/**
 * An agent or a token may have signed wrongly, so what it made is checked before anyone relies on it. A key in memory was checked
 * when it was read; checking its signatures too would cost three times what making them does. Nor could a fault while signing
 * give the key away, for which one message must be signed twice: the nonce makes each certificate another one.
 */
function requireSignature(ca: Signer, signed: Buffer, signature: Buffer, algorithm: string): void {
  // A token that needs no touch may be an authority; those who take the certificate say whether it counts.
  const options = { requireUserPresence: false };
  if (!isInMemory(ca) && !ca.publicKey.verify(signed, signature, algorithm, options)) {
    throw badCertificate(`the signature that came from ${ca.label} does not verify`, {
      remedy: 'Ask again; if it stays so, do not use this signer.',
    });
  }
}

function requireSensible(request: CertificateRequest, ca: Signer): void {
  const { subject, keyId, serial, principals, validAfter = 0n, validBefore = forever } = request;
  const refuse = (text: string): never => {
    throw badCertificate(text, { code: 'misuse' });
  };
  if (subject.certificate !== undefined) refuse('a certificate cannot be certified, only a plain key');
  if (ca.publicKey.certificate !== undefined) refuse('a certificate cannot be a CA, only a plain key');
  if (principals.length === 0 && request.allowNoPrincipals !== true) {
    refuse('a certificate without principals is accepted nowhere; name at least one');
  }
  if (principals.length > maxCertificatePrincipals)
    refuse(`at most ${maxCertificatePrincipals} principals are allowed`);
  // OpenSSH CVE-2026-35414: a comma in a name could be taken for two names.
  if (principals.some((name) => name === '' || /[,\0\r\n]/.test(name))) {
    refuse('a principal is empty or holds a comma, a NUL or a line break');
  }
  if (validBefore <= validAfter) refuse('the certificate would end before it begins');
  if (keyId.includes('\0')) refuse('the key id holds a NUL');
  for (const [name, number] of Object.entries({ serial: serial ?? 0n, validAfter, validBefore })) {
    if (number < 0n || number > forever) refuse(`${name} is a number from 0 to 2^64-1, not ${number}`);
  }
  for (const section of ['criticalOptions', 'extensions'] as const) requireOptions(section, request[section], refuse);
}

const textOptions = ['force-command', 'source-address'];

/** What a server would refuse at the first login is refused here. Bytes are taken as they are. */
function requireOptions(
  section: 'criticalOptions' | 'extensions',
  options: Readonly<Record<string, CertificateOptionValue>> = {},
  refuse: (text: string) => never,
): void {
  const names = Object.keys(options);
  if (names.length > maxCertificateOptions) refuse(`at most ${maxCertificateOptions} options are allowed`);
  for (const name of names) {
    const value = options[name] as CertificateOptionValue;
    if (!/^[\x21-\x7e]+$/.test(name)) refuse(`"${name}" is no name of an option: those are ASCII without blanks`);
    if (typeof value === 'object') continue;
    const isText = section === 'criticalOptions' && textOptions.includes(name);
    const isFlag = section === 'extensions' ? /^(permit-|no-touch-required$)/.test(name) : name === 'verify-required';
    if (isText && (value === true || value === '' || value.includes('\0'))) refuse(`${name} needs a text without NUL`);
    if (isFlag && value !== true) refuse(`${name} takes no value`);
    const flaw = isText && name === 'source-address' ? addressListFlaw(value as string) : undefined;
    if (flaw !== undefined) refuse(`source-address "${value as string}": ${flaw}`);
  }
}

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
