/** What `nacre sshd status` and the metrics are told of a server, and what a kick names: plain data, for sockets and other processes. */
import type { ChannelFacts } from '@nacre/ssh/connection';
import type { KeyFacts, ServerTotals } from '@nacre/ssh/server';
import type { PenaltyEntry } from '../penalty-table.ts';

export interface ServerStatus {
  readonly server: ServerFacts;
  /** Oldest first. */
  readonly connections: readonly ConnectionStatus[];
  /** Longest first, cut where there are very many. */
  readonly penalties: readonly PenaltyEntry[];
}

interface ServerFacts {
  readonly version: string;
  readonly processId: number;
  readonly uptimeSeconds: number;
  readonly listeners: readonly { readonly address: string; readonly port: number }[];
  /** Takes no new connections any more. */
  readonly isDraining: boolean;
  readonly totals: ServerTotals;
  readonly penaltyCounts: { readonly active: number; readonly deferred: number };
  /** How often each kind was earned. */
  readonly penaltiesEarned: Readonly<Record<string, number>>;
}

export interface ConnectionStatus {
  /** As in the log. */
  readonly id: number;
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly hostName: string | undefined;
  /** What the client calls itself. */
  readonly client: string;
  readonly ageSeconds: number;
  readonly phase: string;
  readonly algorithms:
    | { readonly kex: string; readonly hostKey: string; readonly ciphers: readonly string[] }
    | undefined;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly rekeys: number;
  /** Whom it names while it tries to log in: anything that a client says. */
  readonly attemptedUser: string | undefined;
  /** Undefined before login. */
  readonly login: LoginStatus | undefined;
  readonly channels: readonly (Omit<ChannelFacts, 'ageMs'> & { readonly ageSeconds: number })[];
}

interface LoginStatus {
  readonly user: string;
  readonly methods: readonly string[];
  readonly keys: readonly KeyFacts[];
  readonly ageSeconds: number;
}

/** Which connections: by the user that is logged in, by the client's address or network, or by number. */
export type ConnectionSelector =
  | { readonly kind: 'user'; readonly user: string }
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'connection'; readonly id: number }
  /** The two ends of a socket: the health check's own connection. */
  | { readonly kind: 'socket'; readonly address: string; readonly port: number };

/** A connection that was ended. */
export interface EndedConnection {
  readonly id: number;
  readonly user: string | undefined;
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/** A server as its administrator sees it, however many processes it is. */
export interface StatusSource {
  snapshot(): Promise<ServerStatus>;
  /**
   * Ends connections.
   *
   * @param reason - what the client is told.
   * @returns those that were ended.
   */
  kick(selector: ConnectionSelector, reason: string): Promise<readonly EndedConnection[]>;
}
