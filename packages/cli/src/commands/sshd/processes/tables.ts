/** What the server's processes ask of each other. The monitor is root's; a worker is nobody's; a session host is its user's. */

import type { SshError } from '@nacre/ssh/errors';
import type { ConnectionFacts, HandshakeFacts, Peer, TransportSettings } from '@nacre/ssh/server';
import type { TransportState, TransportTraffic } from '@nacre/ssh/transport';
import type { Permissions } from '@nacre/ssh/trust';
import type { Became, BecomeRequest } from '../../../os/become-account.ts';
import type { Account } from '../../../os/index.ts';
import type { Settings } from '../config/config.ts';
import type { LogFacts, LogLevel } from '../log.ts';
import type { PamLogin } from '../pam-logins.ts';
import type { RecordingEvent, RecordingMeta, RecordingOutcome } from '../recording/types.ts';
import type { TunnelAnswer } from '../tunnel-books.ts';

/** The words behind `sshd` that make the program one of these processes. */
export const workerWord = '--network-worker';
export const hostWord = '--session-host';

/** A host key as those see it who do not have it. */
export interface ShownHostKey {
  readonly blob: Uint8Array;
  readonly certificates: readonly Uint8Array[];
}

/** What the handshakes of a worker are made by. */
export type WorkerSettings = Omit<TransportSettings, 'acknowledge' | 'log'> & {
  readonly hostKeys: readonly ShownHostKey[];
  /** Whether anybody reads what the transport has to say. */
  readonly logs: boolean;
};

/** A connection, by the monitor's number. */
interface OfConnection {
  readonly id: number;
}

interface OfTunnel extends OfConnection {
  readonly ticket: number;
  /** Bytes that have passed since the last word. */
  readonly byteCount: number;
}

interface OfRecording extends OfConnection {
  readonly recording: number;
}

export interface ToSign extends OfConnection {
  /** Which of the host keys. */
  readonly key: number;
  readonly algorithm: string;
  readonly data: Uint8Array;
}

/** What every process that serves clients does for the monitor. */
export type ServingTable = {
  fail(end: OfConnection & { readonly error: SshError }): void;
  facts(connection: OfConnection): ConnectionFacts;
};

/** What a worker does for the monitor. */
export type WorkerTable = ServingTable & {
  /** Holds for connections that begin later. */
  configure(settings: WorkerSettings): void;
  /** With the socket. Answered when the client may log in; rejects with what ended the connection. */
  begin(connection: OfConnection & { readonly peer: Peer }): HandshakeFacts;
  /** The client's next message of the login. */
  next(connection: OfConnection): Uint8Array;
  send(message: OfConnection & { readonly payload: Uint8Array }): void;
  /** The client is logged in: the state for whoever goes on. */
  handOver(connection: OfConnection): { readonly state: TransportState; readonly traffic: TransportTraffic };
};

/** What every other process may ask of the monitor. */
export type MonitorTable = {
  /** A host key's signature, over what host keys sign. */
  sign(request: ToSign): Uint8Array;
  ended(end: OfConnection & { readonly error: SshError; readonly traffic: TransportTraffic }): void;
  /** Gives a terminal of the connection's user the group and the mode that it should have. */
  giveTerminal(terminal: OfConnection & { readonly path: string }): void;
  /** Somebody is on, and was last on before. */
  openRecord(terminal: OfConnection & { readonly path: string }): string;
  closeRecord(terminal: OfConnection & { readonly path: string }): void;
  /** RecordSessions. */
  beginRecording(session: OfConnection & { readonly meta: RecordingMeta }): {
    readonly recording: number;
    readonly name: string;
  };
  writeRecording(
    event: OfRecording & { readonly kind: RecordingEvent; readonly seconds: number; readonly text: string },
  ): void;
  endRecording(end: OfRecording & { readonly outcome: RecordingOutcome }): void;
  /** TunnelQuota. */
  openTunnel(connection: OfConnection): TunnelAnswer;
  countTunnel(tunnel: OfTunnel): string | undefined;
  closeTunnel(tunnel: OfTunnel): void;
  /** Nothing more will be said of a connection that has ended. */
  forget(connection: OfConnection): void;
  log(
    line: OfConnection & {
      readonly level: Exclude<LogLevel, 'QUIET'>;
      readonly text: string;
      readonly facts?: LogFacts;
    },
  ): void;
};

/** Who a session host is to be. */
export interface Becoming {
  readonly account: Account;
  /** The folder that it is shut into. */
  readonly chroot?: string;
  /** Where PAM is used. */
  readonly pam?: NonNullable<BecomeRequest['pam']>;
}

/** A connection that is logged in. */
export interface Resumed extends OfConnection {
  readonly peer: Peer;
  readonly state: TransportState;
  readonly user: string;
  readonly methods: readonly string[];
  readonly keys: readonly Uint8Array[];
  readonly grant: Permissions;
  /** What a login by PAM left for its sessions. */
  readonly login: PamLogin | undefined;
}

/** What connections have in common: every process is told of it once, and again where it is another. */
export interface HostSettings {
  readonly settings: Settings;
  readonly hostKeys: readonly ShownHostKey[];
}

/** What a session host does for the monitor. */
export type HostTable = ServingTable & {
  /** Holds for connections that are served later. */
  configure(settings: HostSettings): void;
  /** Once, and for good. Answered when there is no way back. */
  become(who: Becoming): Became;
  /** With the socket. */
  serve(connection: Resumed): void;
  /** Nothing more can be recorded of a session. */
  recordingFailed(failure: OfRecording & { readonly error: SshError }): void;
};
