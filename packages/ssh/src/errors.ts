/** Every error of nacre: one closed family, each with a code, the stage it arose in and a remedy in plain words. */

/** What went wrong; the closed set a program may switch on. */
export type SshErrorCode =
  | 'dns-failed'
  | 'connect-failed'
  | 'connection-lost'
  | 'disconnected'
  | 'timeout'
  | 'aborted'
  | 'closed'
  | 'protocol-error'
  | 'bad-message'
  | 'bad-packet'
  | 'bad-mac'
  | 'limit-exceeded'
  | 'no-common-algorithm'
  | 'kex-failed'
  | 'host-key-unknown'
  | 'host-key-changed'
  | 'host-key-revoked'
  | 'host-key-refused'
  | 'auth-failed'
  | 'channel-open-refused'
  | 'request-refused'
  | 'bad-key'
  | 'bad-passphrase'
  | 'bad-signature'
  | 'bad-certificate'
  | 'bad-file'
  | 'unsupported'
  | 'agent-unavailable'
  | 'agent-refused'
  | 'no-such-file'
  | 'permission-denied'
  | 'operation-failed'
  | 'misuse';

/** Where in the life of a connection (or in which file or tool) it arose. */
export type SshStage =
  | 'dns'
  | 'tcp'
  | 'identification'
  | 'kex'
  | 'host-key'
  | 'auth'
  | 'transport'
  | 'channel'
  | 'sftp'
  | 'scp'
  | 'key'
  | 'agent'
  | 'trust'
  | 'config'
  | 'usage';

/** SSH_MSG_DISCONNECT reason codes (RFC 4253 §11.1). */
export const disconnectReasons = {
  hostNotAllowedToConnect: 1,
  protocolError: 2,
  keyExchangeFailed: 3,
  macError: 5,
  compressionError: 6,
  serviceNotAvailable: 7,
  protocolVersionNotSupported: 8,
  hostKeyNotVerifiable: 9,
  connectionLost: 10,
  byApplication: 11,
  tooManyConnections: 12,
  authCancelledByUser: 13,
  noMoreAuthMethodsAvailable: 14,
  illegalUserName: 15,
} as const;

export type DisconnectReason = (typeof disconnectReasons)[keyof typeof disconnectReasons];

export interface SshErrorInit {
  code: SshErrorCode;
  stage: SshStage;
  /** Who erred: the other end, or this one (a wrong call, a local file, a local policy). Default `local`. */
  side?: 'peer' | 'local';
  /** What the person can do about it, in a sentence. */
  remedy?: string;
  /** The SSH_MSG_DISCONNECT reason to give the peer, when the error ends the connection. */
  disconnect?: DisconnectReason;
  /** What the peer is told in words, where the error's own are not for it. */
  farewell?: string;
  /** What a login that was refused had tried. */
  authFailure?: AuthFailure;
  cause?: unknown;
}

/** Why nobody was let in: what was offered, what was held back, and what the server would still take. */
export interface AuthFailure {
  readonly user: string;
  /** The keys that were offered, in their order. */
  readonly keys: readonly OfferedKey[];
  /** Key files and agents that should have given keys and did not. */
  readonly unusable: readonly UnusableKey[];
  /** The methods that the server would still take, and what became of each. */
  readonly methods: readonly RefusedMethod[];
}

export interface OfferedKey {
  /** The type of the key or certificate: `ssh-ed25519`. */
  readonly type: string;
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
  /** The key file, or what the agent calls the key. */
  readonly name: string;
  readonly source: 'file' | 'agent' | 'program';
  /** The key file, or the file that names a key of the agent's. */
  readonly file: string | undefined;
  /**
   * `refused`: the server does not take it. `not-signed`: it would have, and the key could not sign; `error` tells why.
   * `signature-refused`: it would have, and did not take the signature. `accepted`: it did, and wants more.
   */
  readonly outcome: 'refused' | 'not-signed' | 'signature-refused' | 'accepted';
  readonly error?: unknown;
}

export interface UnusableKey {
  /** The file, or the agent's socket. */
  readonly path: string;
  readonly kind: 'key' | 'certificate' | 'agent';
  /** Nobody named it, and it is not there: no news. */
  readonly isMissingDefault: boolean;
  readonly error: SshError;
}

export interface RefusedMethod {
  readonly name: string;
  /**
   * `refused`: tried, and not taken. `not-proved`: given up here, as nobody answered or no key could sign. `nothing-to-offer`: no
   * key, no password. `off`: not among the methods that this client was told to use. `unknown`: not built here.
   */
  readonly outcome: 'refused' | 'not-proved' | 'nothing-to-offer' | 'off' | 'unknown';
}

/**
 * The one error class that nacre throws, rejects with or reports.
 *
 * @example
 * try { await connect('example.com', options); }
 * catch (error) { if (error instanceof SshError && error.code === 'host-key-changed') alertSomeone(error.remedy); }
 */
export class SshError extends Error {
  readonly code: SshErrorCode;
  readonly stage: SshStage;
  readonly side: 'peer' | 'local';
  readonly remedy: string | undefined;
  readonly disconnect: DisconnectReason | undefined;
  readonly farewell: string | undefined;
  /** Of a login that was refused: what was tried, and what the server would still take. */
  readonly authFailure: AuthFailure | undefined;

  constructor(message: string, init: SshErrorInit) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = 'SshError';
    this.code = init.code;
    this.stage = init.stage;
    this.side = init.side ?? 'local';
    this.remedy = init.remedy;
    this.disconnect = init.disconnect;
    this.farewell = init.farewell;
    this.authFailure = init.authFailure;
  }
}

/** A rule of the protocol that the peer broke: ends the connection with reason "protocol error". */
export function protocolError(stage: SshStage, message: string, init: Partial<SshErrorInit> = {}): SshError {
  return new SshError(message, {
    code: 'protocol-error',
    stage,
    side: 'peer',
    disconnect: disconnectReasons.protocolError,
    ...init,
  });
}

/** Anything caught, as an SshError: kept when it is one already, wrapped as the cause otherwise. */
export function toSshError(error: unknown, init: SshErrorInit): SshError {
  if (error instanceof SshError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new SshError(message, { ...init, cause: error });
}
