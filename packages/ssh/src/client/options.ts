/** What a client connects with. Only the host key policy is required: who must not be mistaken has to be said. */
import type { Duplex } from 'node:stream';
import type { AgentClient } from '../agent/index.ts';
import type { ClientAuthOptions, ClientAuthResult } from '../auth/index.ts';
import type { ChannelTimeout, ConnectionLimits, PtyOptions, TunnelMode } from '../connection/index.ts';
import type { SshError, UnusableKey } from '../errors.ts';
import type { Signer } from '../keys/types.ts';
import type { AlgorithmOptions, NegotiatedAlgorithms, RekeyOptions } from '../transport/index.ts';
import type { AddKeysOptions } from './add-to-agent.ts';
import type { AgentSource } from './agent-forwarding.ts';
import type { HostKeyAnnouncement, HostKeyPolicy } from './host-key-policy.ts';
import type { HostBasedOptions } from './keysign.ts';
import type { X11Options } from './x11/forwarding.ts';

export interface ConnectOptions {
  /** Whom to trust: `knownHosts()`, `pinnedHostKeys(…)`, `trustedHostAuthorities(…)`. */
  readonly hostKeys: HostKeyPolicy;
  /** Default: the target's, then the name of the present user. */
  readonly user?: string;

  /** Keys to offer, in order: private keys, signers, or paths of key files. Default: the agent's, then those in `~/.ssh`. */
  readonly identities?: readonly (Signer | string)[];
  /**
   * The agent: a socket's path, a client, or false for none. Default: `SSH_AUTH_SOCK`, where no identities are given. An agent
   * that is connected to here is bound to the server first, as keys limited to destinations need it; a client is used as it is.
   */
  readonly agent?: string | AgentClient | false;
  /** Of the agent's keys offer only those that `identities` (or the default files) name: an agent with many keys uses up the attempts. */
  readonly identitiesOnly?: boolean;
  /** Files of user certificates; each is offered with the key it belongs to. Those beside a key file are found by themselves. */
  readonly certificates?: readonly string[];
  /** Leave out key files and agents that cannot be used, in place of failing: the default for what is not named here. */
  readonly skipUnusableKeys?: boolean;
  /** The `identities` are a default list, that nobody named: those that are not there are no news. */
  readonly hasDefaultIdentities?: boolean;
  /**
   * Puts a key file that was opened for the login into the agent, so that its passphrase need not be given again
   * (AddKeysToAgent). Failing in that does not end the login.
   */
  readonly addKeysToAgent?: AddKeysOptions;
  /** Told of a key that the server wanted and that could not sign: a wrong passphrase, an agent that refused, an exposed file. */
  readonly onKeyFailure?: (signer: Signer, error: unknown) => void;
  /** Told of a key file that is left out because it cannot be read or is no key, also of a default one that is not there. */
  readonly onUnusableKey?: (unusable: UnusableKey) => void;
  /** Asked for the passphrase of an encrypted key file once the server wants that key; undefined leaves the key out. */
  readonly passphrase?: (path: string, attempt: number) => Promise<string | undefined>;
  /** The password, or a function that asks for it. */
  readonly password?: string | NonNullable<ClientAuthOptions['password']>;
  /**
   * Lets this machine vouch for its user (`hostbased`): its host keys sign through the helper ssh-keysign, which root has to have
   * allowed. Default: not offered.
   */
  readonly hostBased?: HostBasedOptions;
  /** Anything else about login: keyboard-interactive, banner, order of methods, hooks. */
  readonly auth?: Omit<ClientAuthOptions, 'user' | 'signers' | 'password' | 'hostBased' | 'signal'>;

  /** Algorithm lists, and the `legacy` switch for old equipment. */
  readonly algorithms?: AlgorithmOptions;
  /** Smallest RSA key taken, of the server, of key files and of agents. Default 2048. */
  readonly requiredRsaBits?: number;
  readonly rekey?: RekeyOptions;
  /** Text behind our identification, which servers see before anything is secret: printable ASCII. */
  readonly versionAddendum?: string;
  /** Refuse servers without the defence against Terrapin. */
  readonly requireStrictKex?: boolean;

  /** Time until login begins: name lookup, TCP and key exchange. Default 30,000; 0 for no limit. */
  readonly timeoutMs?: number;
  /** Rounds over all addresses of the host before giving up, a second apart. Default 1. */
  readonly attempts?: number;
  /** Ask a silent server for a sign of life after this long, and give up after `countMax` (3) unanswered questions. */
  readonly keepalive?: { readonly intervalMs: number; readonly countMax?: number };
  /** IPv4 or IPv6 only. */
  readonly family?: 4 | 6;
  readonly localAddress?: string;
  /** Has the system find out whether a silent server's machine is still there. Default true. */
  readonly tcpKeepAlive?: boolean;
  /** A stream to speak over instead of a TCP connection: a jump host's channel, a proxy's socket. It is closed with the connection. */
  readonly stream?: Duplex;
  /** Ends the attempt to connect; a connection that stands is ended with `close()`. */
  readonly signal?: AbortSignal;
  readonly limits?: Partial<ConnectionLimits>;
  /** When channels that carry nothing are closed. Default: never. */
  readonly channelTimeouts?: readonly ChannelTimeout[];

  /** Facts for a log: 1 what a person wants to know, 3 every packet. */
  readonly log?: (level: 1 | 2 | 3, text: string) => void;
  /** Logs the number of every packet as well, at level 3; it costs a line for each. */
  readonly logPackets?: boolean;
  /** Logs at level 1 which keys will be offered, in their order, before the first is. */
  readonly logIdentities?: boolean;
  /** A line the server wants shown outside of login. */
  readonly onNotice?: (text: string) => void;
  /**
   * The server told its host keys after login (hostkeys-00@openssh.com). Nothing vouches for those that are new until `prove` has
   * them proved.
   */
  readonly onHostKeys?: (announcement: HostKeyAnnouncement) => void;
  /** The stream to the server is open, and nothing was said yet. */
  readonly onConnect?: (facts: ConnectFacts) => void;
  /** After `hostKeys` accepted the server and before login. */
  readonly onHandshake?: (facts: HandshakeFacts) => void;
}

export interface ConnectFacts {
  /** Undefined over a stream of the caller's. */
  readonly address: string | undefined;
  readonly port: number;
  /** What carries the connection, a socket in most cases: to look at, and not to read or write. */
  readonly stream: Duplex;
}

export interface HandshakeFacts {
  readonly serverIdentification: string;
  /** What was agreed upon. */
  readonly algorithms: NegotiatedAlgorithms | undefined;
  /** Whether the key exchange holds against quantum computers: recordings of today would be read tomorrow otherwise. */
  readonly isPostQuantum: boolean;
  readonly address: string | undefined;
}

export type { ClientAuthResult };

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface TunnelOptions extends CallOptions {
  /** IP packets, or ethernet frames. Default `point-to-point`. */
  readonly mode?: TunnelMode;
  /** The number of the server's device: 3 for tun3 or tap3. Default: any. */
  readonly unit?: number | undefined;
}

export interface StartOptions extends CallOptions {
  /**
   * Written to the program at once, behind the request that starts it and before that is answered: a round trip less where what
   * it reads first is known. Lost where it is not started.
   */
  readonly firstInput?: Uint8Array;
  /** A terminal for the program. */
  readonly pty?: PtyOptions;
  /**
   * Hides when keys are pressed: small writes go out at a fixed pace, fake ones between them. For people at a terminal, so it
   * needs `pty`; true is OpenSSH's pace of 20 ms. Default false.
   */
  readonly obscureKeystrokes?: boolean | { readonly intervalMs: number };
  /**
   * Lends the program an agent of ours: that of `SSH_AUTH_SOCK`, one named by its socket, or fresh connections from a function.
   * Whoever is root on the server can use it for as long as the connection lives; its keys stay here.
   */
  readonly agentForwarding?: AgentSource;
  /** Lends the program our display. */
  readonly x11?: X11Options;
  /** Told of what could not be forwarded: the program is started all the same. Default: a line in the log. */
  readonly onForwardingFailure?: (what: 'agent' | 'x11', error: SshError) => void;
  /** Variables to set; servers accept few of them. */
  readonly environment?: Readonly<Record<string, string>>;
}
