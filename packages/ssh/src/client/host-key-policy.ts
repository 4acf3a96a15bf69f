/** Whom a client trusts: the host key policies, of which every connection must name one. */
import { disconnectReasons, SshError, type SshErrorCode } from '../errors.ts';
import { checkCertificate, fingerprint } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { hostKeyAlgorithms } from '../transport/index.ts';
import { matchPattern } from '../trust/index.ts';

/** What a policy is asked. */
export interface HostKeyQuestion {
  /** The name the caller asked for. */
  readonly host: string;
  readonly port: number;
  /** The address connected to, where there is one. */
  readonly address: string | undefined;
  /** The key or certificate the server has proved to own. */
  readonly key: PublicKey;
}

/**
 * Decides on a server's key. `verify` accepts by resolving; whatever else happens, also an error of the policy itself, refuses
 * (OpenSSH CVE-2025-26465 accepted on an error path).
 */
export interface HostKeyPolicy {
  verify(question: HostKeyQuestion): Promise<void>;
  /** Host key algorithms to offer for this host, in order; undefined for the default order. */
  preferredAlgorithms?(host: string, port: number): Promise<readonly string[] | undefined>;
  /**
   * Told of the keys that the server announced after login. The question is the very one that `verify` accepted, so that a policy
   * can remember by it why it did.
   */
  learn?(announcement: HostKeyAnnouncement, question: HostKeyQuestion): Promise<void>;
}

/** The keys that a server told after login. */
export interface HostKeyAnnouncement {
  /** Of the types known here. */
  readonly keys: readonly PublicKey[];
  /**
   * Has the server sign for keys.
   *
   * @returns the keys, or undefined where it refuses. A wrong proof ends the connection.
   */
  prove(keys: readonly PublicKey[]): Promise<readonly PublicKey[] | undefined>;
}

/**
 * Trusts exactly the given keys.
 *
 * @param keys - public keys, or fingerprints as `ssh-keygen -l` prints them (`SHA256:…`).
 */
export function pinnedHostKeys(...keys: readonly (PublicKey | string)[]): HostKeyPolicy {
  return {
    async verify({ key, host }) {
      const plain = key.plain;
      const isPinned = keys.some((pinned) =>
        typeof pinned === 'string' ? pinned === fingerprint(plain) : pinned.plain.equals(plain),
      );
      if (!isPinned)
        throw refusal(
          'host-key-refused',
          `the host key of ${host} (${fingerprint(plain)}) is not one of the pinned keys`,
        );
    },
  };
}

/**
 * Trusts host certificates of the given authorities.
 *
 * @param authorities - the public keys of the certificate authorities.
 */
export function trustedHostAuthorities(...authorities: readonly PublicKey[]): HostKeyPolicy {
  return {
    async verify({ key, host }) {
      if (!authorities.some((authority) => key.certificate?.signatureKey.equals(authority))) {
        throw refusal('host-key-refused', `${host} shows no certificate of a trusted authority`);
      }
      requireHostCertificate(key, host);
    },
    preferredAlgorithms: async () =>
      hostKeyAlgorithms.filter((row) => row.certificate && !row.legacy).map((row) => row.name),
  };
}

/**
 * Accepts whatever key the server shows. Anybody on the way can then read and change everything: for tests on one's own
 * machine, and nothing else.
 */
export function acceptAnyHostKeyWithoutVerification(): HostKeyPolicy {
  return { verify: async () => {} };
}

/**
 * Holds a host certificate to what it says: for this host, now, by a sound signature.
 *
 * @param authorityAlgorithms - signature algorithms that an authority may use (CASignatureAlgorithms).
 */
export function requireHostCertificate(
  key: PublicKey,
  host: string,
  authorityAlgorithms: readonly string[] = caSignatureAlgorithms,
): void {
  if (key.certificate === undefined) throw refusal('bad-certificate', `${host} shows no host certificate`);
  checkCertificate(key.certificate, {
    kind: 'host',
    principal: host.toLowerCase(),
    now: BigInt(Math.floor(Date.now() / 1000)),
    caSignatureAlgorithms: authorityAlgorithms,
    matchPattern: (pattern, name) => matchPattern(name, pattern.toLowerCase()),
  });
}

/** CASignatureAlgorithms' default: every plain algorithm but SHA-1. */
const caSignatureAlgorithms = hostKeyAlgorithms.filter((row) => !row.certificate && !row.legacy).map((row) => row.name);

export function refusal(code: SshErrorCode, message: string, remedy?: string): SshError {
  return new SshError(message, {
    code,
    stage: 'host-key',
    side: 'peer',
    disconnect: disconnectReasons.hostKeyNotVerifiable,
    ...(remedy !== undefined && { remedy }),
  });
}
