/** What a transport is given: its role, its algorithms, its way out and its clock. */

import type { ModuliEntry } from '../crypto/agreement/moduli.ts';
import type { SshError } from '../errors.ts';
import type { AlgorithmOptions } from './algorithms.ts';
import type { HostKey, HostKeyVerifier } from './kex/exchange.ts';
import type { Clock } from './link.ts';
import type { RekeyOptions } from './rekey.ts';

/** Where the bytes go: a socket in real life, an array in a test. */
export interface ByteSink {
  /** Takes bytes in order; never refuses. */
  write(chunks: Buffer[]): void;
  /** Bytes taken and not yet handed to the system. */
  queuedBytes(): number;
  /** Stops or goes on handing in what the peer sends. */
  setReading(reading: boolean): void;
  /** Whether everything else gets its turn after each read of what the peer sends: somebody types. */
  shareTurns?(isShared: boolean): void;
  /** Flushes and closes. */
  end(): void;
  /** Runs a callback once, after what is going on now: the turn's one flush. */
  defer(callback: () => void): void;
}

interface CommonOptions {
  readonly sink: ByteSink;
  readonly clock: Clock;
  readonly algorithms?: AlgorithmOptions;
  /** What stands behind `SSH-2.0-nacre_`: the program's version, and text of one's own. */
  readonly version: string;
  readonly versionAddendum?: string;
  readonly rekey?: RekeyOptions;
  /** Refuse peers without strict key exchange (the Terrapin defence). Default: used where both have it. */
  readonly requireStrictKex?: boolean;
  /** How long a key exchange may take; 0 for ever. Default 120,000. */
  readonly kexTimeoutMs?: number;
  /** The same for the handshake, to the agreement on a service. Default: as kexTimeoutMs; 0 where the caller has a deadline. */
  readonly handshakeTimeoutMs?: number;
  /** Told once when the connection has ended, whoever ended it. */
  readonly onEnd?: (error: SshError) => void;
  /** Facts for logs: 1 what a person wants to know, 3 every message. */
  readonly log?: (level: 1 | 2 | 3, text: string) => void;
  /** Logs the number of every packet as well; it costs a line for each. */
  readonly logPackets?: boolean;
  /** The peer has said who it is, and key exchange begins. */
  readonly onIdentified?: () => void;
  /** A line of text the peer wants shown (SSH_MSG_DEBUG with always_display, lines before a server's identification). */
  readonly onNotice?: (text: string) => void;
}

export interface ClientTransportOptions extends CommonOptions {
  readonly role: 'client';
  readonly verifyHostKey: HostKeyVerifier;
  /** Smallest RSA host key taken; default limits.minRsaBits. */
  readonly requiredRsaBits?: number;
  /** Told once of the host key algorithms that the server can prove itself with, before any is chosen. */
  readonly onHostKeyOffer?: (algorithms: readonly string[]) => void;
}

export interface ServerTransportOptions extends CommonOptions {
  readonly role: 'server';
  readonly hostKeys: readonly HostKey[];
  readonly moduli?: readonly ModuliEntry[];
  /** What SSH_MSG_EXT_INFO says of the login signatures that are taken (RFC 8308 §3.1). */
  readonly signatureAlgorithms: readonly string[];
}

export type TransportOptions = ClientTransportOptions | ServerTransportOptions;
