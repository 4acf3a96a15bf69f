/** What a certificate says, in rows for programs and in the words of ssh-keygen -L for people. */
import { WireReader } from '../wire/index.ts';
import { type FingerprintHash, fingerprint, shortTypeName } from './fingerprint.ts';
import { badCertificate } from './key-error.ts';
import { decodeSignature } from './signature.ts';
import type { Certificate, PublicKey } from './types.ts';
import { forever, formatAbsoluteTime, type Validity } from './validity.ts';

/** A key in a description. */
export interface DescribedKey {
  /** `ED25519`, `RSA-CERT` … */
  readonly type: string;
  readonly fingerprint: string;
}

/** An option or extension in a description. */
export interface DescribedOption {
  readonly name: string;
  /**
   * `flag` and `text` for those that PROTOCOL.certkeys knows, `malformed` where their data is not theirs; `unknown` for others,
   * whose data says nothing to us.
   */
  readonly kind: 'flag' | 'text' | 'unknown' | 'malformed';
  /** The value of a `text`. */
  readonly text: string | undefined;
  readonly data: Buffer;
}

/** What a certificate says. Nothing in it is verified: see `checkCertificate`. */
export interface CertificateDescription {
  /** The name in the blob: `ssh-ed25519-cert-v01@openssh.com`. */
  readonly type: string;
  readonly kind: 'user' | 'host';
  readonly publicKey: DescribedKey;
  readonly authority: DescribedKey & { readonly signatureAlgorithm: string };
  readonly keyId: string;
  readonly serial: bigint;
  readonly validity: Validity & {
    readonly state: 'not yet valid' | 'valid' | 'expired';
    /** `forever`, `before …`, `after …` or `from … to …`, in local time. */
    readonly text: string;
  };
  readonly principals: readonly string[];
  readonly criticalOptions: readonly DescribedOption[];
  readonly extensions: readonly DescribedOption[];
}

export interface DescribeOptions {
  /** Seconds since 1970, for the state of the validity; default now. */
  readonly nowSeconds?: number;
  /** The hash of the fingerprints; default SHA-256. */
  readonly hash?: FingerprintHash;
}

/**
 * Tells what a certificate says.
 *
 * @throws SshError `misuse` for a plain key.
 * @example
 * const { validity, principals } = describeCertificate(parsePublicKey(line).key);
 * if (validity.state === 'expired') console.log(`${principals} need a new certificate`);
 */
export function describeCertificate(key: PublicKey, options: DescribeOptions = {}): CertificateDescription {
  const { certificate } = key;
  if (certificate === undefined) throw badCertificate(`a ${key.type} key is no certificate`, { code: 'misuse' });
  const { nowSeconds = Math.floor(Date.now() / 1000), hash = 'sha256' } = options;
  const { kind, keyId, serial, principals, validAfter, validBefore, signatureKey } = certificate;
  return {
    type: key.type,
    kind,
    publicKey: { type: shortTypeName(key), fingerprint: fingerprint(key, hash) },
    authority: {
      type: shortTypeName(signatureKey),
      fingerprint: fingerprint(signatureKey, hash),
      signatureAlgorithm: algorithmOf(certificate),
    },
    keyId,
    serial,
    validity: {
      validAfter,
      validBefore,
      state: stateOf(certificate, BigInt(Math.floor(nowSeconds))),
      text: formatValidity(certificate),
    },
    principals,
    criticalOptions: describeOptions(certificate.criticalOptions, ['force-command', 'source-address'], criticalFlags),
    extensions: describeOptions(certificate.extensions, [], extensionFlags),
  };
}

export interface FormatCertificateOptions extends DescribeOptions {
  /**
   * Makes text from the certificate safe to print; default writes control characters as octal. ssh-keygen prints them as they
   * are, and so hands the terminal to whoever made the certificate.
   */
  readonly printable?: (text: string) => string;
}

/**
 * The lines that ssh-keygen -L prints for a certificate, below the name of its file.
 *
 * @throws SshError `misuse` for a plain key, `bad-certificate` where a known option has data that is not its own.
 */
export function formatCertificate(key: PublicKey, options: FormatCertificateOptions = {}): string {
  const { printable = escapeControls } = options;
  const { kind, publicKey, authority, ...said } = describeCertificate(key, options);
  const lines = [
    `Type: ${said.type} ${kind} certificate`,
    `Public key: ${publicKey.type} ${publicKey.fingerprint}`,
    `Signing CA: ${authority.type} ${authority.fingerprint} (using ${authority.signatureAlgorithm})`,
    `Key ID: "${printable(said.keyId)}"`,
    `Serial: ${said.serial}`,
    `Valid: ${said.validity.text}`,
    `Principals: ${formatList(said.principals.map(printable))}`,
    `Critical Options: ${formatList(said.criticalOptions.map((option) => formatOption(option, printable)))}`,
    `Extensions: ${formatList(said.extensions.map((option) => formatOption(option, printable)))}`,
  ];
  return lines.map((line) => `${indent}${line}\n`).join('');
}

/** `forever`, `before …`, `after …` or `from … to …`, in local time, as ssh-keygen says it. */
export function formatValidity({ validAfter, validBefore }: Validity): string {
  if (validAfter === 0n && validBefore === forever) return 'forever';
  if (validAfter === 0n) return `before ${formatAbsoluteTime(validBefore)}`;
  if (validBefore === forever) return `after ${formatAbsoluteTime(validAfter)}`;
  return `from ${formatAbsoluteTime(validAfter)} to ${formatAbsoluteTime(validBefore)}`;
}

const indent = ' '.repeat(8);
const deeper = ' '.repeat(16);
const criticalFlags = ['verify-required'];
const extensionFlags = [
  'permit-X11-forwarding',
  'permit-agent-forwarding',
  'permit-port-forwarding',
  'permit-pty',
  'permit-user-rc',
  'no-touch-required',
];

function algorithmOf({ signature }: Certificate): string {
  try {
    return decodeSignature(signature).algorithm;
  } catch {
    return 'unknown';
  }
}

function stateOf({ validAfter, validBefore }: Certificate, now: bigint): CertificateDescription['validity']['state'] {
  if (now < validAfter) return 'not yet valid';
  return now >= validBefore ? 'expired' : 'valid';
}

function describeOptions(
  options: ReadonlyMap<string, Buffer>,
  texts: readonly string[],
  flags: readonly string[],
): DescribedOption[] {
  return [...options].map(([name, data]) => {
    if (flags.includes(name)) return { name, kind: data.length === 0 ? 'flag' : 'malformed', text: undefined, data };
    if (!texts.includes(name)) return { name, kind: 'unknown', text: undefined, data };
    const text = readText(data);
    return { name, kind: text === undefined ? 'malformed' : 'text', text, data };
  });
}

function readText(data: Buffer): string | undefined {
  try {
    const reader = new WireReader(data);
    const text = reader.string().toString('utf8');
    reader.finish();
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

function formatOption({ name, kind, text, data }: DescribedOption, printable: (text: string) => string): string {
  switch (kind) {
    case 'flag':
      return name;
    case 'text':
      return `${name} ${printable(text as string)}`;
    case 'malformed':
      throw badCertificate(`Option corrupt: the data of ${name} is not its own`);
    case 'unknown':
      if (data.length === 0) return `${name} UNKNOWN FLAG OPTION`;
      return `${name} UNKNOWN OPTION: ${data.toString('hex')} (len ${data.length})`;
  }
}

function formatList(lines: readonly string[]): string {
  return lines.length === 0 ? '(none)' : `\n${lines.map((line) => `${deeper}${line}`).join('\n')}`;
}

function escapeControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) =>
    Array.from(Buffer.from(control, 'utf8'), (byte) => `\\${byte.toString(8).padStart(3, '0')}`).join(''),
  );
}
