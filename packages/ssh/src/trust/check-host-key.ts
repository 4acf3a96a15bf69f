/** The verdict on a server's host key: what the known_hosts files say about this host and this key. */
import { SshError, toSshError } from '../errors.ts';
import type { PublicKey } from '../keys/types.ts';
import { formatHostName } from './host-name.ts';
import { findHostEntries, type KnownHosts, type KnownHostsEntry } from './known-hosts.ts';

export interface HostKeyQuestion {
  /** The name the person asked for (or the canonical one). */
  readonly host: string;
  readonly port: number;
  /** The address connected to, if it is to be looked up as well (CheckHostIP). It never makes a key trusted. */
  readonly address?: string | undefined;
  /** The key or certificate that the server proved. */
  readonly key: PublicKey;
  /** HostKeyAlias: looked up instead of host and port. */
  readonly alias?: string | undefined;
}

/** What the files know of the address, where one was given. */
export type AddressVerdict = 'known' | 'unknown' | 'changed';

/** Lines from elsewhere than files (KnownHostsCommand), which are about one name only. */
export interface FurtherLines {
  /** About the host with its port. */
  readonly host?: KnownHosts | undefined;
  /** About the address with its port. */
  readonly address?: KnownHosts | undefined;
}

/**
 * What the files say. Only `trusted` accepts a key by itself; `trusted-ca` means that the certificate's authority is trusted
 * for this host, and that the certificate itself (name, time, signature) has still to be checked.
 */
export type HostKeyVerdict =
  | ({
      readonly status: 'trusted';
      readonly line: KnownHostsEntry;
      /** The line names the host without its port: it knows the key, and not that it is this server's. */
      readonly withoutPort: boolean;
    } & OfAddress)
  | ({ readonly status: 'trusted-ca'; readonly line: KnownHostsEntry } & OfAddress)
  | ({
      readonly status: 'unknown';
      /** Types of keys known for this host name without its port, none of them this key. */
      readonly otherTypes: readonly string[];
    } & OfAddress)
  | ({
      readonly status: 'changed';
      /** The lines that know other keys for this host. */
      readonly known: readonly KnownHostsEntry[];
      /** Whether one of them is of the presented key's type; without one, the server may have gone over to another type. */
      readonly sameType: boolean;
    } & OfAddress)
  | { readonly status: 'revoked'; readonly line: KnownHostsEntry };

interface OfAddress {
  readonly address: AddressVerdict | undefined;
  /** The line that knows the key, or another one, by the address. */
  readonly addressLine: KnownHostsEntry | undefined;
}

/**
 * Judges a host key by the known_hosts files.
 *
 * - Revocation comes first: of the key, of a certificate's subject key, of the authority that signed it; under the name with
 *   its port, without it, and under the address.
 * - A certificate is trusted through an `@cert-authority` line; where none fits, its subject key is looked up as a plain key.
 * - A plain key is trusted only if a line for this host holds exactly it. A host with other keys gives `changed`, whatever
 *   their type: otherwise an attacker would need only a type that is not on file (OpenSSH does the same).
 * - At a port other than 22 the name without port is a second place to look for this very key or authority, as in OpenSSH.
 *
 * @param further - lines that are looked at behind those of the files, each for its one name.
 * @throws SshError; every error means that the key must be refused.
 * @example
 * const verdict = checkHostKey([userFile, globalFile], { host: 'example.com', port: 22, key });
 * if (verdict.status !== 'trusted') refuse(verdict);
 */
export function checkHostKey(
  files: readonly KnownHosts[],
  question: HostKeyQuestion,
  further: FurtherLines = {},
): HostKeyVerdict {
  try {
    return judge(files, question, further);
  } catch (error) {
    throw toSshError(error, { code: 'host-key-refused', stage: 'host-key' });
  }
}

/**
 * The plain key types that the files hold for a host, in file order, each once: a client offers these first, so that the
 * server shows a key that can be checked. Empty for an unknown host, whose order then tells nothing (CVE-2020-14145).
 */
export function knownKeyTypes(files: readonly KnownHosts[], host: string, port: number, alias?: string): string[] {
  const entries = namesOf({ host, port, alias }).flatMap((name) => findHostEntries(files, name));
  return [...new Set(entries.filter((entry) => entry.marker === undefined).map((entry) => entry.keyType))];
}

/** Whether an authority is on file for a host: then the client offers certificate algorithms first. */
export function hasHostAuthority(files: readonly KnownHosts[], host: string, port: number, alias?: string): boolean {
  return namesOf({ host, port, alias })
    .flatMap((name) => findHostEntries(files, name))
    .some((entry) => entry.marker === 'cert-authority');
}

function judge(files: readonly KnownHosts[], question: HostKeyQuestion, further: FurtherLines): HostKeyVerdict {
  const { key } = question;
  const [name = '', bareName] = namesOf(question);
  const atPort = findHostEntries(withFurther(files, further.host), name);
  const withoutPort = bareName === undefined ? [] : findHostEntries(files, bareName);
  const atAddress =
    question.address === undefined
      ? []
      : findHostEntries(withFurther(files, further.address), formatHostName(question.address, question.port));

  const revoked = findRevocation([...atPort, ...withoutPort, ...atAddress], key);
  if (revoked !== undefined) return { status: 'revoked', line: revoked };

  const ofAddress =
    question.address === undefined ? { address: undefined, addressLine: undefined } : judgeAddress(atAddress, key);
  const authority = key.certificate?.signatureKey;
  if (authority !== undefined) {
    requirePlainAuthority(authority);
    const line = [...atPort, ...withoutPort].find(
      (entry) => entry.marker === 'cert-authority' && entry.blob.equals(authority.blob),
    );
    if (line !== undefined) return { status: 'trusted-ca', line, ...ofAddress };
  }

  const known = atPort.filter((entry) => entry.marker === undefined);
  const same = (entry: KnownHostsEntry) => entry.blob.equals(key.plain.blob);
  const line = known.find(same);
  if (line !== undefined) return { status: 'trusted', line, withoutPort: false, ...ofAddress };
  if (known.length > 0) {
    return {
      status: 'changed',
      known,
      sameType: known.some((entry) => entry.keyType === key.plain.type),
      ...ofAddress,
    };
  }
  const elsewhere = withoutPort.filter((entry) => entry.marker === undefined);
  const lineElsewhere = elsewhere.find(same);
  if (lineElsewhere !== undefined) {
    return { status: 'trusted', line: lineElsewhere, withoutPort: true, ...ofAddress };
  }
  return { status: 'unknown', otherTypes: [...new Set(elsewhere.map((entry) => entry.keyType))], ...ofAddress };
}

/** The names to look under, the one that decides first. */
function namesOf(question: { host: string; port: number; alias?: string | undefined }): string[] {
  if (question.alias !== undefined) return [question.alias];
  const name = formatHostName(question.host, question.port);
  return question.port === 22 ? [name] : [name, question.host];
}

function findRevocation(entries: readonly KnownHostsEntry[], key: PublicKey): KnownHostsEntry | undefined {
  const blobs = [key.blob, key.plain.blob];
  // Go CVE-2026-42508: a revoked authority takes every certificate it signed with it.
  if (key.certificate !== undefined) blobs.push(key.certificate.signatureKey.blob);
  return entries.find(
    (entry) =>
      entry.marker === 'revoked' && revokedBlobs(entry).some((revoked) => blobs.some((blob) => blob.equals(revoked))),
  );
}

/** A revoked certificate takes its subject key with it. */
function revokedBlobs(entry: KnownHostsEntry): Buffer[] {
  if (!entry.keyType.includes('-cert-v0')) return [entry.blob];
  try {
    return [entry.blob, entry.decodeKey().plain.blob];
  } catch {
    // A certificate that cannot be read is still revoked as the bytes it is.
    return [entry.blob];
  }
}

function judgeAddress(entries: readonly KnownHostsEntry[], key: PublicKey): OfAddress {
  const plain = entries.filter((entry) => entry.marker === undefined);
  const known = plain.find((entry) => entry.blob.equals(key.plain.blob));
  if (known !== undefined) return { address: 'known', addressLine: known };
  const other = plain.at(-1);
  return { address: other === undefined ? 'unknown' : 'changed', addressLine: other };
}

function withFurther(files: readonly KnownHosts[], further: KnownHosts | undefined): readonly KnownHosts[] {
  return further === undefined ? files : [...files, further];
}

function requirePlainAuthority(authority: PublicKey): void {
  // Go 0ae49b8, b90f76b: a certificate signed by a certificate has no end.
  if (authority.certificate === undefined) return;
  throw new SshError('the certificate is signed by another certificate, expected a plain key', {
    code: 'bad-certificate',
    stage: 'host-key',
    side: 'peer',
    disconnect: 9,
  });
}
