/** A connection that is logged in, as a program uses it: commands, shells, subsystems, tunnels. */
import type { Duplex } from 'node:stream';
import type { ClientAuthResult } from '../auth/index.ts';
import {
  anyTunnelUnit,
  ChannelStream,
  type ClientSession,
  Connection,
  directStreamlocalOpenssh,
  directTcpip,
  hostkeysOpenssh,
  openSession,
  PacketTunnel,
  proveHostKeys,
  type RequestHandler,
  readAnnouncedHostKeys,
  tunnelModes,
  tunOpenssh,
} from '../connection/index.ts';
import { disconnectReasons, SshError } from '../errors.ts';
import { systemClock } from '../io/index.ts';
import type { PublicKey } from '../keys/types.ts';
import type { ConnectionHandler, ConnectionLink, NegotiatedAlgorithms } from '../transport/index.ts';
import type { AgentSource } from './agent-forwarding.ts';
import { type ExecOptions, type ExecResult, runToEnd } from './exec.ts';
import type { HostKeyAnnouncement, HostKeyPolicy, HostKeyQuestion } from './host-key-policy.ts';
import { bindingOf, Lending } from './lending.ts';
import type { CallOptions, ConnectOptions, StartOptions, TunnelOptions } from './options.ts';
import {
  type OnForwardedConnection,
  RemoteForwards,
  type RemoteListener,
  type RemoteSocketListener,
} from './remote-forwards.ts';

/** What carries a connection: a transport of its own, or a master that shares its own. */
export interface ClientLink extends ConnectionLink {
  readonly roundTripMs: number | undefined;
  readonly negotiated: NegotiatedAlgorithms | undefined;
  readonly hostKey: PublicKey;
  readonly sessionId: Buffer;
  /** The server's signature over the session id, in the first key exchange. */
  readonly hostKeySignature: Buffer;
  readonly peerExtensions: ReadonlyMap<string, Buffer>;
  rekey(connection: Connection): Promise<void>;
  attach(handler: ConnectionHandler): void;
}

/** A stream that counts what went over it. */
interface Counted {
  readonly bytesWritten?: number;
  readonly bytesRead?: number;
}

interface Facts {
  readonly target: { readonly host: string; readonly port: number; readonly user: string };
  readonly address: string | undefined;
  readonly login: ClientAuthResult;
  readonly options: Pick<ConnectOptions, 'keepalive' | 'limits' | 'onHostKeys' | 'log' | 'channelTimeouts'> & {
    readonly hostKeys?: HostKeyPolicy | undefined;
  };
  /** What the host key policy accepted; undefined where no policy was asked. */
  readonly question?: HostKeyQuestion | undefined;
}

/**
 * One connection. Every pending call settles when it ends; `closed` tells why it did. A program that closes its connections
 * exits by itself.
 */
export class ClientConnection {
  readonly target: Facts['target'];
  /** The server's IP address, where the connection is TCP. */
  readonly address: string | undefined;
  /** The methods that logged us in. */
  readonly login: ClientAuthResult;
  /** Settles when the connection has ended: undefined after `close()`, else the error. Never rejects. */
  readonly closed: Promise<SshError | undefined>;
  /** The connection protocol below, for what this class does not offer. */
  readonly connection: Connection;
  readonly #transport: ClientLink;
  readonly #stream: Counted;
  readonly #forwards: RemoteForwards;
  readonly #lending: Lending;
  #isClosing = false;
  #learning: Promise<void> | undefined;

  constructor(transport: ClientLink, stream: object, facts: Facts) {
    this.#transport = transport;
    this.#stream = stream;
    this.target = facts.target;
    this.address = facts.address;
    this.login = facts.login;
    const forwards = new RemoteForwards();
    this.#forwards = forwards;
    const { options } = facts;
    this.#lending = new Lending({
      clock: systemClock,
      binding: () => bindingOf(transport),
      hasExtension: (name) => transport.peerExtensions.has(name),
      log: (level, text) => options.log?.(level, text),
      offersDisplay: (protocol, cookie) => this.connection.relayed.displays.offer('own', protocol, cookie),
    });
    this.connection = new Connection(transport, {
      clock: systemClock,
      channelHandlers: new Map([...forwards.channelHandlers, ...this.#lending.channelHandlers]),
      globalRequestHandlers: new Map([[hostkeysOpenssh.name, this.#hostKeysHandler(facts)]]),
      roundTripMs: transport.roundTripMs,
      channelTimeouts: options.channelTimeouts,
      log: options.log,
      ...(options.limits && { limits: options.limits }),
    });
    this.closed = new Promise((resolve) => {
      transport.attach({
        receive: (payload) => this.connection.receive(payload),
        onLinkReady: () => this.connection.onLinkReady(),
        end: (error) => {
          this.connection.end(error);
          forwards.end();
          resolve(this.#isClosing ? undefined : error);
        },
      });
    });
    const { keepalive } = options;
    if (keepalive) this.connection.keepalive({ intervalMs: keepalive.intervalMs, countMax: keepalive.countMax ?? 3 });
  }

  /** The algorithms in use. */
  get algorithms(): NegotiatedAlgorithms | undefined {
    return this.#transport.negotiated;
  }

  /** The key or certificate that the server proved. Throws `unsupported` over a master, which keeps it to itself. */
  get hostKey(): PublicKey {
    return this.#transport.hostKey;
  }

  /**
   * Settles when the keys that the server announced are learned; undefined where it has announced none, or `hostKeys` learns none.
   * Who closes before it settles learns nothing. Never rejects.
   */
  get learning(): Promise<void> | undefined {
    return this.#learning;
  }

  /** Whether the server answers pings on the transport (ping@openssh.com), as fake keystrokes need it. */
  get answersPings(): boolean {
    return this.#transport.peerExtensions.has('ping@openssh.com');
  }

  get serverIdentification(): string {
    return this.#transport.peerIdentification;
  }

  /** Bytes on the wire so far, encryption and all; zeros where the stream below does not count. */
  get traffic(): { readonly sentBytes: number; readonly receivedBytes: number } {
    const { bytesWritten = 0, bytesRead = 0 } = this.#stream;
    return { sentBytes: bytesWritten, receivedBytes: bytesRead };
  }

  /**
   * Runs a command and collects what it writes.
   *
   * @param command - handed to the login shell of the user, so quote what needs quoting.
   * @returns output and exit status. A status other than 0 is no error: look at it.
   * @throws SshError when the command could not be run or the connection ended; `limit-exceeded` for more output than
   *   `maxOutputBytes`; `aborted` by the signal, which closes the channel.
   * @example
   * const { stdout, status } = await server.exec('ls -l', { timeoutMs: 5000 });
   */
  async exec(command: string, options: ExecOptions & { encoding: 'buffer' }): Promise<ExecResult<Buffer>>;
  async exec(command: string, options?: ExecOptions): Promise<ExecResult<string>>;
  async exec(
    command: string,
    options: ExecOptions & { encoding?: 'buffer' } = {},
  ): Promise<ExecResult<string | Buffer>> {
    return runToEnd((startOptions) => this.spawn(command, startOptions), options);
  }

  /**
   * Starts a command and gives its streams: `stdin`, `stdout`, `stderr`, and `exit` for how it ended.
   *
   * @example
   * const tail = await server.spawn('tail -f /var/log/syslog');
   * for await (const chunk of tail.stdout) process.stdout.write(chunk);
   */
  async spawn(command: string, options: StartOptions = {}): Promise<ClientSession> {
    return this.#start(options, (session) => session.exec(command, options));
  }

  /** Starts the user's shell, by default in a terminal of 80 by 24. */
  async shell(options: StartOptions = {}): Promise<ClientSession> {
    const pty = options.pty ?? { term: process.env.TERM ?? 'xterm', columns: 80, rows: 24 };
    return this.#start({ ...options, pty }, (session) => session.shell(options));
  }

  /** Starts a subsystem of the server, such as `sftp`. */
  async subsystem(name: string, options: StartOptions = {}): Promise<ClientSession> {
    return this.#start(options, (session) => session.subsystem(name, options));
  }

  /**
   * Has the server connect to a TCP port and gives the stream to it. It serves as `stream` of another `connect()`, which makes
   * this server a jump host.
   *
   * @param options - `label` is what logs and lists of channels call it.
   */
  async forwardTcp(
    host: string,
    port: number,
    options: CallOptions & { originator?: { address: string; port: number }; label?: string } = {},
  ): Promise<Duplex> {
    const { address, port: originatorPort } = options.originator ?? { address: '127.0.0.1', port: 0 };
    const data = directTcpip.data.encode({ host, port, originatorAddress: address, originatorPort });
    return new ChannelStream(await this.connection.openChannel(directTcpip.name, data, options));
  }

  /** The same for a Unix socket on the server's machine. */
  async forwardUnix(path: string, options: CallOptions & { label?: string } = {}): Promise<Duplex> {
    const data = directStreamlocalOpenssh.data.encode({
      socketPath: path,
      reserved: Buffer.alloc(0),
      reservedNumber: 0,
    });
    return new ChannelStream(await this.connection.openChannel(directStreamlocalOpenssh.name, data, options));
  }

  /**
   * Opens a tunnel of packets (tun@openssh.com): what is sent comes out of a tunnel device of the server's machine, and the
   * other way round. The server opens the device, where it permits that (PermitTunnel) and may.
   *
   * @throws SshError `channel-open-refused` where the server does not.
   * @example
   * const tunnel = await server.openTunnel({ mode: 'point-to-point' });
   * tunnel.onPacket((packet) => console.log(`IPv${packet.readUInt8() >> 4}, ${packet.length} bytes`));
   */
  async openTunnel(options: TunnelOptions = {}): Promise<PacketTunnel> {
    const { mode = 'point-to-point', unit = anyTunnelUnit } = options;
    const data = tunOpenssh.data.encode({ mode: tunnelModes[mode], unit });
    return new PacketTunnel(
      await this.connection.openChannel(tunOpenssh.name, data, { ...options, label: 'tun' }),
      mode,
    );
  }

  /**
   * Has the server listen on a TCP port; each connection that comes is handed to `onConnection`.
   *
   * @param port - 0 lets the server choose; `port` of the result tells.
   * @throws SshError `request-refused` where the server does not allow it.
   */
  async listen(
    address: string,
    port: number,
    onConnection: OnForwardedConnection,
    options: CallOptions = {},
  ): Promise<RemoteListener> {
    return this.#forwards.listen(this.connection, address, port, onConnection, options);
  }

  /** The same for a Unix socket on the server's machine. */
  async listenUnix(
    path: string,
    onConnection: OnForwardedConnection,
    options: CallOptions = {},
  ): Promise<RemoteSocketListener> {
    return this.#forwards.listenUnix(this.connection, path, onConnection, options);
  }

  /**
   * Lends an agent to the sessions of those who share this connection (`serveMux`) and ask for it: the agent of this process,
   * bound to this connection, as OpenSSH's master does it.
   */
  lendAgent(source: Exclude<AgentSource, false>): void {
    this.#lending.grantAgent(source);
  }

  /**
   * Gets an agent and a display ready to be lent to programs.
   *
   * @returns a function that offers them on a session, to be called before its program is started. What cannot be lent goes to
   *   `onForwardingFailure`.
   */
  async lend(
    options: Pick<StartOptions, 'agentForwarding' | 'x11' | 'onForwardingFailure'>,
  ): Promise<(session: ClientSession) => void> {
    return this.#lending.prepare(options);
  }

  /** Promises the server that no further session is opened, so that nobody who gets hold of this connection can open one either. */
  noMoreSessions(): void {
    this.connection.sendNoMoreSessions();
  }

  /** Changes the keys now. Over a master of OpenSSH's it throws `unsupported`. */
  async rekey(): Promise<void> {
    await this.#transport.rekey(this.connection);
  }

  /** Closes the connection and every channel in it; resolves when it is closed. */
  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#transport.fail(
        new SshError('the connection was closed', {
          code: 'closed',
          stage: 'transport',
          disconnect: disconnectReasons.byApplication,
        }),
      );
    }
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Once in a connection: a server that goes on announcing would have us ask and write for ever. */
  #hostKeysHandler({ options, question }: Facts): RequestHandler {
    const { onHostKeys, hostKeys, log } = options;
    let isFirst = true;
    return ({ data }) => {
      const learns = hostKeys?.learn !== undefined && question !== undefined;
      if (!isFirst || (onHostKeys === undefined && !learns)) return false;
      isFirst = false;
      const announcement: HostKeyAnnouncement = {
        keys: readAnnouncedHostKeys(data),
        prove: (keys) => this.#proveHostKeys(keys),
      };
      onHostKeys?.(announcement);
      if (learns) {
        const onFailure = (error: unknown) => log?.(1, `the server's keys were not learned: ${String(error)}`);
        this.#learning = hostKeys?.learn?.(announcement, question).catch(onFailure);
      }
      return true;
    };
  }

  async #proveHostKeys(keys: readonly PublicKey[]): Promise<readonly PublicKey[] | undefined> {
    const facts = { sessionId: this.#transport.sessionId, hostKeyAlgorithm: this.algorithms?.hostKey ?? '' };
    try {
      return await proveHostKeys(this.connection, keys, facts);
    } catch (error) {
      if (error instanceof SshError && error.side === 'peer') this.#transport.fail(error);
      throw error;
    }
  }

  async #start(options: StartOptions, run: (session: ClientSession) => Promise<void>): Promise<ClientSession> {
    const lend = await this.#lending.prepare(options);
    const session = await openSession(this.connection, options);
    try {
      // All requests go out at once; the server answers them in order.
      lend(session);
      const terminal = options.pty && session.pty(options.pty, options);
      terminal?.catch(() => {});
      if (options.pty && options.obscureKeystrokes) {
        session.obscureKeystrokes(
          options.obscureKeystrokes === true ? undefined : options.obscureKeystrokes.intervalMs,
        );
      }
      for (const [name, value] of Object.entries(options.environment ?? {})) session.env(name, value);
      const running = run(session);
      if (options.firstInput !== undefined) session.stdin.write(options.firstInput);
      await Promise.all([terminal, running]);
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }
}
