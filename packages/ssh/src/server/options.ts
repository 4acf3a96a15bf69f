/** What a server is made of: its keys, who may come in, and what it does for them. */
import type { Socket } from 'node:net';
import type { Duplex, Readable, Writable } from 'node:stream';
import type {
  AuthAttempt,
  HostBasedAuthRequest,
  LoginEnd,
  LoginSummary,
  ServerAuthOptions,
  UserAuthRules,
} from '../auth/index.ts';
import type {
  ChannelTimeout,
  ConnectionLimits,
  PacketTunnel,
  PtyRequest,
  ServerSession,
  SessionHandler,
  SignalName,
  TunnelMode,
} from '../connection/index.ts';
import type { ModuliEntry } from '../crypto/agreement/moduli.ts';
import type { SshError } from '../errors.ts';
import type { PublicKey, Signer } from '../keys/types.ts';
import type { AlgorithmOptions, HostKey, RekeyOptions, TransportTraffic } from '../transport/index.ts';
import type { Permissions } from '../trust/index.ts';
import type { ConnectionFacts } from './connection-facts.ts';
import type { Peer, SeenPeer } from './peer.ts';
import type { ServerConnection } from './server-connection.ts';

/** What a login decision may be: yes without limits, yes with these limits, or no. */
export type Decision = boolean | Permissions | undefined;

/** Who may log in. A method without a handler does not exist; a server without any handler lets nobody in. */
export interface Authenticate extends UserAuthRules {
  /**
   * Whether a key or certificate may log in as a user. Asked before it is proved, perhaps several times: only decide, and
   * remember nothing. What you return counts for the key that is proved in the end.
   */
  publicKey?(
    request: { readonly user: string; readonly key: PublicKey; readonly algorithm: string },
    peer: Peer,
  ): Promise<Decision>;
  password?(
    request: { readonly user: string; readonly password: string; readonly newPassword?: string },
    peer: Peer,
  ): Promise<Decision | { readonly changePrompt: string }>;
  keyboardInteractive?(
    request: { readonly user: string },
    ask: Parameters<NonNullable<ServerAuthOptions<Permissions>['keyboardInteractive']>>[1],
    peer: Peer,
  ): Promise<Decision>;
  /**
   * Whether a host may vouch for a user of its own: whether the key is that host's, and the user the same one here. The names are
   * the client's words.
   */
  hostBased?(request: HostBasedAuthRequest, peer: Peer): Promise<Decision>;
  /** Lets users in without any proof. */
  none?(request: { readonly user: string }, peer: Peer): Promise<Decision>;
  /** The last word after every method: a locked account, an hour of the day. A {@link LoginEnd} ends the connection as well. */
  gate?(login: LoginSummary, permissions: Permissions, peer: Peer): Promise<Decision | LoginEnd>;
  /** Text shown just before a login succeeds. */
  lastWords?(login: LoginSummary, peer: Peer): string | undefined;
}

/** A program of the server's own, as its side of a session sees it. */
export interface ProgramIo {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Undefined without a terminal. */
  readonly pty: PtyRequest | undefined;
  /** What the client set and `acceptEnvironment` let pass, and `SSH_AUTH_SOCK` and `DISPLAY` where they are forwarded. */
  readonly environment: ReadonlyMap<string, string>;
  readonly connection: ServerConnection;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  onWindowChange(listener: (pty: PtyRequest) => void): void;
  /** Signals the client sends; by default they are refused. */
  onSignal(listener: (name: SignalName) => void): void;
}

/** Runs to its end and gives the exit status; nothing is 0. What it throws is status 1 and goes to `onError`. */
export type Program<Argument> = (argument: Argument, io: ProgramIo) => Promise<number | void>;

/** What may be different for one user: whatever is missing stays as it is for everybody. */
export type UserOptions = UserAuthRules &
  Pick<ServerOptions, 'maxSessions' | 'keepalive' | 'rekey' | 'channelTimeouts' | 'unusedConnectionTimeoutMs'>;

export interface ServerOptions {
  /** Private keys, or signers; `{ signer, certificates }` for keys with host certificates. */
  readonly hostKeys: readonly (Signer | HostKey)[];
  readonly authenticate: Authenticate;

  /**
   * What is different for one user: called once for each connection, with the first name that the client gives, before anything
   * is decided. What it throws ends the connection.
   */
  readonly forUser?: (user: string, peer: Peer) => UserOptions | Promise<UserOptions>;

  /** What runs for a client that asks for a command. */
  readonly exec?: Program<string>;
  /** What runs for a client that asks for a shell. */
  readonly shell?: Program<undefined>;
  readonly subsystems?: Readonly<Record<string, Program<undefined>>>;
  /** Which variables a client may set. Default: none. */
  readonly acceptEnvironment?: (name: string, value: string) => boolean;
  /** Full control instead of `exec`, `shell` and `subsystems`. */
  readonly session?: (session: ServerConnection) => SessionHandler;

  /** Connections through the server (direct-tcpip): gives the stream, or undefined to refuse. Default: all are refused. */
  readonly forwardTcp?: (request: ForwardRequest, connection: ServerConnection) => Promise<Duplex | undefined>;
  /** The same to a Unix socket of the server's machine. */
  readonly forwardUnix?: (path: string, connection: ServerConnection) => Promise<Duplex | undefined>;
  /**
   * Tunnels of packets (tun@openssh.com): gives what the packets come from and go to, or undefined to refuse. Asked only where
   * the login may (`tunnel` of its permissions). Default: all are refused.
   */
  readonly tunnel?: (request: TunnelRequest, connection: ServerConnection) => Promise<TunnelEnd | undefined>;
  /** Tells clients all host keys after login, and proves them, so that they learn new ones (hostkeys-00@openssh.com). Default true. */
  readonly announceHostKeys?: boolean;
  /** Ports the server may listen on for the client (tcpip-forward). Default: none. `listenOnLoopback` does it with real sockets. */
  readonly listen?: (request: ListenRequest, connection: ServerConnection) => Promise<Listening | undefined>;
  /** The same for Unix sockets (streamlocal-forward@openssh.com). `listenOnSocket` does it with real ones. */
  readonly listenUnix?: (request: ListenUnixRequest, connection: ServerConnection) => Promise<Closable | undefined>;
  /**
   * Where the client lends its agent: makes the socket at which programs find it. Asked once in a connection; undefined refuses.
   * Default: refused. `listenAgentSocket` does it.
   */
  readonly agentForwarding?: (
    request: AgentForwardRequest,
    connection: ServerConnection,
  ) => Promise<ForwardedAgent | undefined>;
  /** Where the client lends its display: makes a display of ours that leads there. Default: refused. `listenX11` does it. */
  readonly x11Forwarding?: (
    request: X11ForwardRequest,
    connection: ServerConnection,
  ) => Promise<ForwardedDisplay | undefined>;

  readonly algorithms?: AlgorithmOptions;
  readonly moduli?: readonly ModuliEntry[];
  readonly rekey?: RekeyOptions;
  readonly requireStrictKex?: boolean;
  /** Text behind the version in the identification line. */
  readonly versionAddendum?: string;
  /** Time to log in. Default 120,000; 0 for no limit. */
  readonly loginGraceMs?: number;
  /**
   * Connections from these addresses must begin with a header of the PROXY protocol (version 1 or 2), whose addresses are then the
   * peer's for everything. Name balancers and nothing else: they may claim any address.
   */
  readonly proxyProtocolFrom?: (address: string) => boolean;
  /** Has the system probe a silent client's machine (TCP keepalive). Default: no. */
  readonly tcpKeepAlive?: boolean;
  /**
   * Has the system acknowledge what was read of a client that is not logged in yet (Linux: TCP_QUICKACK), which Node has no call for.
   * Called in the turn after each read. OpenSSH's client gathers its small messages until then, and systems take up to 40 ms.
   */
  readonly acknowledge?: (stream: Duplex) => void;
  /** Finds the client's host name before login, for `from=` lists that hold names. Only give one whose address was checked. */
  readonly lookUpHostName?: (peer: Peer) => Promise<string | undefined>;
  /** Connections that have not logged in yet: from `start` on one of `ratePercent` is refused at random, from `full` on all. */
  readonly maxStartups?: { readonly start: number; readonly ratePercent: number; readonly full: number };
  readonly keepalive?: { readonly intervalMs: number; readonly countMax?: number };
  readonly limits?: Partial<ConnectionLimits>;
  /** When channels that carry nothing are closed (ChannelTimeout). Default: never. */
  readonly channelTimeouts?: readonly ChannelTimeout[];
  /** Ends a connection that has no channel for so long (UnusedConnectionTimeout). Default 0: never. */
  readonly unusedConnectionTimeoutMs?: number;
  /** Sessions one connection may have at a time. Default 10. */
  readonly maxSessions?: number;

  /**
   * Has connections served by other processes (`Handshake`, `decideLogin`, `resumeClient`); undefined serves one here. It calls
   * `onLogin`, `onAttempt` and `onDisconnect` itself. Nothing was read of the socket.
   */
  readonly serveElsewhere?: (socket: Socket, peer: SeenPeer) => Serving<unknown> | undefined;

  /** The `peer` object of one connection is the same in every call. */
  readonly onConnection?: (peer: Peer) => void;
  /** Which network device or routing domain an accepted socket is bound to: Node does not tell. */
  readonly routingDomainOf?: (socket: Socket) => string | undefined;
  /**
   * Why a connection is turned away; undefined lets it in. Asked at the door, before a byte is read and before `maxStartups`
   * counts. The client is not told the reason.
   */
  readonly turnAway?: (peer: Peer) => string | undefined;
  /** A connection was turned away. */
  readonly onRefused?: (peer: Peer, refusal: Refusal) => void;
  /** The first key exchange is done: the client may log in. */
  readonly onHandshake?: (peer: Peer) => void;
  readonly onAttempt?: (attempt: AuthAttempt, peer: Peer) => void;
  readonly onLogin?: (connection: ServerConnection) => void;
  /** A connection ended, logged in or not. */
  readonly onDisconnect?: (error: SshError, peer: Peer) => void;
  /** What a handler of yours threw. */
  readonly onError?: (error: unknown, peer: Peer) => void;
  readonly log?: (level: 1 | 2 | 3, text: string, peer: Peer) => void;
}

/** One connection that is being served, here or elsewhere. */
export interface Serving<Login> {
  readonly peer: Peer;
  /** Settles when the client has logged in, or never will. */
  readonly loggedIn: Promise<Login | undefined>;
  /** Settles when the connection has ended. */
  readonly ended: Promise<SshError>;
  end(error: SshError): void;
  facts(): ConnectionFacts | Promise<ConnectionFacts>;
  /** As far as it is known at this moment. */
  traffic(): TransportTraffic;
}

/** What channels of a client that is logged in are served by. */
export type ChannelSettings = Omit<ServerOptions, 'hostKeys' | 'authenticate'>;

/** What a transport is made of. */
export type TransportSettings = Pick<
  ServerOptions,
  'acknowledge' | 'algorithms' | 'moduli' | 'rekey' | 'requireStrictKex' | 'versionAddendum' | 'log'
> & { readonly authenticate: Pick<Authenticate, 'signatureAlgorithms'> };

export interface Refusal {
  /** What `turnAway` said; undefined where `maxStartups` was exceeded. */
  readonly reason: string | undefined;
  /** How many connections had not logged in. */
  readonly startups: number;
}

export interface ForwardRequest {
  readonly host: string;
  readonly port: number;
  readonly originatorAddress: string;
  readonly originatorPort: number;
}

export interface TunnelRequest {
  readonly mode: TunnelMode;
  /** The number of the device; undefined for any. */
  readonly unit: number | undefined;
}

/** The server's end of a tunnel. */
export interface TunnelEnd extends Closable {
  /** The tunnel stands: take its packets with `onPacket`, and send yours. */
  start(tunnel: PacketTunnel): void;
  /** Called once, when the tunnel is closed or never came to be. */
  close(): void;
}

export interface ListenRequest {
  readonly address: string;
  readonly port: number;
  /** Hand over each connection that comes. */
  onConnection(stream: Duplex, originator: { address: string; port: number }): void;
}

export interface Closable {
  close(): void;
}

export interface Listening extends Closable {
  readonly port: number;
}

export interface ListenUnixRequest {
  readonly path: string;
  /** Hand over each connection that comes. */
  onConnection(stream: Duplex): void;
}

export interface AgentForwardRequest {
  /** Hand over each connection that comes: it is carried to the client's agent. */
  onConnection(stream: Duplex): void;
}

export interface ForwardedAgent extends Closable {
  /** What SSH_AUTH_SOCK is set to. */
  readonly path: string;
}

export interface X11ForwardRequest {
  /** The name of the method, and a cookie in hexadecimal that the client takes: for xauth, on our machine. Both hold harmless characters only. */
  readonly authProtocol: string;
  readonly authCookie: string;
  readonly screen: number;
  /** The listener is closed after the first connection. */
  readonly singleConnection: boolean;
  onConnection(stream: Duplex, originator: { address: string; port: number }): void;
}

export interface ForwardedDisplay extends Closable {
  /** What DISPLAY is set to. */
  readonly display: string;
  /** Has the user's programs find the cookie; found again as `display.announce` of the session, whose start-up file may do it. */
  readonly announce?: () => Promise<void>;
}

export type { Peer, ServerSession };
