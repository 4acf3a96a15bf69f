/** What a key in an agent can be limited to, and what a limit may stand on. */
import type { PublicKey } from '../keys/types.ts';
import type { DestinationConstraint } from './destinations.ts';

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

export interface AssociatedCertificates {
  /** Only the certificates are held, and not the plain keys. */
  readonly certificatesOnly: boolean;
  readonly certificates: readonly PublicKey[];
}

/** What is being added: a key whose private fields are sent, or the keys of a token. Not every constraint fits both. */
export type ConstraintSubject = 'key' | 'smartcard';
