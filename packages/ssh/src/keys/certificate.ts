/** OpenSSH certificates (PROTOCOL.certkeys): their fields, their signature, and whether they are good for a purpose. */
import { maxCertificateOptions, maxCertificatePrincipals } from '../limits.ts';
import { WireReader } from '../wire/index.ts';
import { badCertificate } from './key-error.ts';
import { decodeSignature } from './signature.ts';
import type { Certificate, PublicKey } from './types.ts';

/** What `readCertificate` needs from the reader of public keys, which calls it. */
export interface CertificateContext {
  readonly type: string;
  readonly nonce: Buffer;
  readonly subject: PublicKey;
  readonly decodeAuthority: (blob: Buffer) => PublicKey;
}

const kinds: Readonly<Record<number, 'user' | 'host'>> = { 1: 'user', 2: 'host' };

/** Reads the fields after the subject's key. Nothing is verified yet, but every byte must have its place. */
export function readCertificate(reader: WireReader, blob: Buffer, context: CertificateContext): Certificate {
  const serial = reader.uint64('serial');
  const kindNumber = reader.uint32('kind');
  const kind = kinds[kindNumber];
  if (kind === undefined) throw badCertificate(`certificate of kind ${kindNumber}, known are 1 (user) and 2 (host)`);
  const keyId = reader.text('key id');
  const principals = readPrincipals(reader.string('principals'));
  const validAfter = reader.uint64('valid after');
  const validBefore = reader.uint64('valid before');
  const criticalOptions = readOptions(reader.string('critical options'), 'critical options');
  const extensions = readOptions(reader.string('extensions'), 'extensions');
  const reserved = reader.string('reserved');
  const authority = reader.string('signature key');
  const signedBytes = blob.subarray(0, reader.offset);
  const signature = reader.string('signature');
  reader.finish();
  return {
    type: context.type,
    blob,
    nonce: context.nonce,
    subject: context.subject,
    serial,
    kind,
    keyId,
    principals,
    validAfter,
    validBefore,
    criticalOptions,
    extensions,
    reserved,
    signatureKey: context.decodeAuthority(authority),
    signature,
    signedBytes,
  };
}

/**
 * Verifies the CA's signature.
 *
 * @param caSignatureAlgorithms - the signature algorithms a CA may use (CASignatureAlgorithms).
 * @throws SshError `bad-certificate` if the signature is wrong or of another algorithm.
 */
export function verifyCertificate(certificate: Certificate, caSignatureAlgorithms: readonly string[]): void {
  let algorithm: string;
  try {
    ({ algorithm } = decodeSignature(certificate.signature));
  } catch (cause) {
    throw badCertificate('Certificate invalid: its signature is malformed', { cause });
  }
  if (!caSignatureAlgorithms.includes(algorithm)) {
    throw badCertificate(`Certificate signed with disallowed algorithm ${algorithm.slice(0, 64)}`, {
      remedy: `Have it signed again with one of ${caSignatureAlgorithms.join(', ')}.`,
    });
  }
  if (!certificate.signatureKey.verify(certificate.signedBytes, certificate.signature, algorithm)) {
    throw badCertificate("Certificate invalid: the CA's signature does not verify");
  }
}

export interface CheckCertificateOptions {
  kind: 'user' | 'host';
  /** The user or host name that one of the principals must equal, as a whole string. */
  principal: string;
  /** Seconds since 1970. */
  now: bigint;
  caSignatureAlgorithms: readonly string[];
  /** Critical options the caller will enforce; default those of `userCriticalOptions` for users, none for hosts. */
  knownCriticalOptions?: readonly string[];
  /**
   * For host certificates: whether a principal that holds `*` or `?` matches the name, in time linear in both.
   * Without it, wildcards stand for themselves.
   */
  matchPattern?: (pattern: string, name: string) => boolean;
}

/** The critical options of user certificates that PROTOCOL.certkeys knows. */
export const userCriticalOptions: readonly string[] = ['force-command', 'source-address', 'verify-required'];

/**
 * Checks that a certificate is good: for this kind of use, now, for this name, with options all understood, and truly signed.
 * Whether its `signatureKey` is a CA to be trusted is for the caller to ask, as is enforcing its options.
 *
 * @throws SshError `bad-certificate`, in OpenSSH's words.
 */
export function checkCertificate(certificate: Certificate, options: CheckCertificateOptions): void {
  const { kind, now } = options;
  if (certificate.kind !== kind) throw badCertificate(`Certificate invalid: not a ${kind} certificate`);
  if (now < certificate.validAfter) {
    throw badCertificate('Certificate invalid: not yet valid', {
      remedy: `It is valid from ${formatTime(certificate.validAfter)}; check the clocks of both machines.`,
    });
  }
  if (now >= certificate.validBefore) {
    throw badCertificate('Certificate invalid: expired', {
      remedy: `It was valid until ${formatTime(certificate.validBefore)}; have a new one signed.`,
    });
  }
  requirePrincipal(certificate, options);
  const known = options.knownCriticalOptions ?? (kind === 'user' ? userCriticalOptions : []);
  for (const name of certificate.criticalOptions.keys()) {
    if (!known.includes(name)) throw badCertificate(`Certificate contains unsupported critical option "${name}"`);
  }
  verifyCertificate(certificate, options.caSignatureAlgorithms);
}

/** The options of a certificate that PROTOCOL.certkeys knows, parsed. */
export interface CertificateOptions {
  readonly forceCommand: string | undefined;
  /** CIDR list as it stands, for the caller's address matcher; undefined allows every address. */
  readonly sourceAddress: string | undefined;
  readonly verifyRequired: boolean;
  readonly noTouchRequired: boolean;
  /** `permit-pty`, `permit-port-forwarding` …: what is not here is not allowed. */
  readonly permits: ReadonlySet<string>;
}

/**
 * Parses critical options and extensions.
 *
 * @throws SshError `bad-certificate` where the data of a known option is not what it must be.
 */
export function parseCertificateOptions(certificate: Certificate): CertificateOptions {
  const { criticalOptions, extensions } = certificate;
  const permits = [...extensions.keys()].filter((name) => name.startsWith('permit-'));
  for (const name of permits) requireFlag(extensions, name);
  const sourceAddress = readText(criticalOptions, 'source-address');
  // An empty list would be read as "no restriction" by a careless matcher (Go b9229ec).
  if (sourceAddress === '') throw badCertificate('the certificate option source-address is empty');
  return {
    forceCommand: readText(criticalOptions, 'force-command'),
    sourceAddress,
    verifyRequired: requireFlag(criticalOptions, 'verify-required'),
    noTouchRequired: requireFlag(extensions, 'no-touch-required'),
    permits: new Set(permits),
  };
}

function readText(options: ReadonlyMap<string, Buffer>, name: string): string | undefined {
  const data = options.get(name);
  if (data === undefined) return undefined;
  try {
    const reader = new WireReader(data, name);
    const text = reader.text(name);
    reader.finish();
    if (text.includes('\0')) throw reader.error('it holds a NUL');
    return text;
  } catch (cause) {
    throw badCertificate(`the certificate option ${name} is malformed`, { cause });
  }
}

function requireFlag(options: ReadonlyMap<string, Buffer>, name: string): boolean {
  const data = options.get(name);
  if (data === undefined) return false;
  if (data.length > 0) throw badCertificate(`the certificate option ${name} has data, and takes none`);
  return true;
}

function requirePrincipal(certificate: Certificate, options: CheckCertificateOptions): void {
  const { kind, principal, matchPattern } = options;
  // OpenSSH 10.3: a certificate that names nobody is good for nobody, where it once was good for everyone.
  if (certificate.principals.length === 0) throw badCertificate('Certificate lacks principal list');
  const matches = (listed: string): boolean => {
    if (listed === principal) return true;
    return kind === 'host' && matchPattern !== undefined && /[*?]/.test(listed) && matchPattern(listed, principal);
  };
  if (principal === '' || !certificate.principals.some(matches)) {
    throw badCertificate('Certificate invalid: name is not a listed principal', {
      remedy: `It names ${certificate.principals.slice(0, 10).join(', ')}, and not "${principal}".`,
    });
  }
}

function formatTime(seconds: bigint): string {
  if (seconds > 253_402_300_799n) return `${seconds} seconds after 1970`;
  return new Date(Number(seconds) * 1000).toISOString();
}

function readPrincipals(bytes: Buffer): string[] {
  const reader = new WireReader(bytes, 'principals');
  const principals: string[] = [];
  while (reader.remaining > 0) {
    if (principals.length === maxCertificatePrincipals) {
      throw badCertificate(`the certificate lists more than ${maxCertificatePrincipals} principals`);
    }
    const principal = reader.text('principal');
    if (principal.includes('\0')) throw badCertificate('a principal of the certificate holds a NUL');
    principals.push(principal);
  }
  return principals;
}

/** Pairs of name and data; a name twice would let two readers see two different certificates. */
function readOptions(bytes: Buffer, what: string): Map<string, Buffer> {
  const reader = new WireReader(bytes, what);
  const options = new Map<string, Buffer>();
  while (reader.remaining > 0) {
    if (options.size === maxCertificateOptions) {
      throw badCertificate(`the certificate has more than ${maxCertificateOptions} ${what}`);
    }
    const name = reader.ascii('name');
    if (options.has(name)) throw badCertificate(`the certificate's ${what} hold "${name}" twice`);
    options.set(name, reader.string('data'));
  }
  return options;
}
