/** Constraints on a key in an agent: how long, and whether each use is confirmed (RFC 9987 §3.2.7). */
import { SshError } from '../errors.ts';
import type { PublicKey } from '../keys/types.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import { constraintNumbers } from './messages.ts';

export interface AgentConstraints {
  /** Seconds after which the agent forgets the key. */
  readonly lifetimeSeconds?: number | undefined;
  /** Every use asks a person first. */
  readonly confirm?: boolean | undefined;
  /** Where the key may be used: any one of these hops (restrict-destination-v00@openssh.com). */
  readonly destinations?: readonly DestinationConstraint[] | undefined;
  /** Certificates to be held for a token's keys (associated-certs-v00@openssh.com). */
  readonly associatedCertificates?: AssociatedCertificates | undefined;
  /** The FIDO middleware a security key asks for (sk-provider@openssh.com): a path, or `internal`. */
  readonly securityKeyProvider?: string | undefined;
}

/** One hop that a key may take (PROTOCOL.agent §2.4). */
export interface DestinationConstraint {
  /** Where the hop starts; undefined means where the agent is. */
  readonly from: DestinationHost | undefined;
  readonly to: DestinationHost & {
    /** The user to log in as, a pattern; undefined or empty means any. */
    readonly user?: string | undefined;
  };
}

/** A host of a destination constraint: its name is for people, its keys are what counts. */
export interface DestinationHost {
  readonly host: string;
  readonly keys: readonly DestinationHostKey[];
}

export interface DestinationHostKey {
  readonly key: PublicKey;
  /** The key is a CA, and the host shows a certificate of it that names `host`. */
  readonly isCertAuthority: boolean;
}

export interface AssociatedCertificates {
  /** Only the certificates are held, and not the plain keys. */
  readonly certificatesOnly: boolean;
  readonly certificates: readonly PublicKey[];
}

/** The constraints as they follow a key's comment; empty where there are none. */
export function encodeConstraints(constraints: AgentConstraints): Buffer {
  const writer = new WireWriter(16);
  const { lifetimeSeconds } = constraints;
  if (lifetimeSeconds !== undefined) {
    if (!Number.isInteger(lifetimeSeconds) || lifetimeSeconds < 1 || lifetimeSeconds > 0xffff_ffff) {
      throw new SshError(`a key's lifetime must be 1 second or more, got ${lifetimeSeconds}`, {
        code: 'misuse',
        stage: 'agent',
      });
    }
    writer.uint8(constraintNumbers.lifetime).uint32(lifetimeSeconds);
  }
  if (constraints.confirm === true) writer.uint8(constraintNumbers.confirm);
  return writer.finish();
}

/**
 * Reads constraints to the end of the bytes.
 *
 * @throws SshError `bad-message` where they are cut, given twice, or not known here: a key whose limits cannot be kept must
 *   not be taken (Go CVE-2026-39832, -39833, -47914).
 */
export function decodeConstraints(bytes: Uint8Array): AgentConstraints {
  const reader = new WireReader(bytes, "the key's constraints");
  let lifetimeSeconds: number | undefined;
  let confirm: boolean | undefined;
  while (reader.remaining > 0) {
    const number = reader.uint8('constraint');
    if (number === constraintNumbers.lifetime && lifetimeSeconds === undefined)
      lifetimeSeconds = reader.uint32('lifetime');
    else if (number === constraintNumbers.confirm && confirm === undefined) confirm = true;
    else throw reader.error(`constraint ${number} is unknown or given twice`);
  }
  if (lifetimeSeconds === 0) throw reader.error('a lifetime of 0 seconds');
  return { lifetimeSeconds, confirm };
}
