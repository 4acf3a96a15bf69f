/** A connection that is logged in, as a program uses it: commands, shells, subsystems, tunnels. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ClientAuthResult } from '../auth/index.ts';
import {
  ChannelStream,
  type ClientSession,
  Connection,
  directStreamlocalOpenssh,
  directTcpip,
  hostkeysOpenssh,
  openSession,
  proveHostKeys,
  type RequestHandler,
  readAnnouncedHostKeys,
} from '../connection/index.ts';
import { disconnectReasons, SshError } from '../errors.ts';
import { type StreamDriver, systemClock } from '../io/index.ts';
import type { PublicKey } from '../keys/types.ts';
import type { NegotiatedAlgorithms, Transport } from '../transport/index.ts';
import { type ExecOptions, type ExecResult, runToEnd } from './exec.ts';
import { bindingOf, Lending } from './lending.ts';
import type { CallOptions, ConnectOptions, StartOptions } from './options.ts';
import {
  type OnForwardedConnection,
  RemoteForwards,
  type RemoteListener,
  type RemoteSocketListener,
} from './remote-forwards.ts';

interface Facts {
  readonly target: { readonly host: string; readonly port: number; readonly user: string };
  readonly address: string | undefined;
  readonly login: ClientAuthResult;
  readonly options: ConnectOptions;
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
  readonly #transport: Transport;
  readonly #driver: StreamDriver;
  readonly #forwards: RemoteForwards;
  readonly #lending: Lending;
  #isClosing = false;

  constructor(transport: Transport, driver: StreamDriver, facts: Facts) {
    this.#transport = transport;
    this.#driver = driver;
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
    });
    this.connection = new Connection(transport, {
      clock: systemClock,
      channelHandlers: new Map([...forwards.channelHandlers, ...this.#lending.channelHandlers]),
      globalRequestHandlers: new Map([[hostkeysOpenssh.name, this.#hostKeysHandler(options)]]),
      roundTripMs: transport.roundTripMs,
      channelTimeouts: options.channelTimeouts,
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

  /** The key or certificate that the server proved. */
  get hostKey(): PublicKey {
    return this.#transport.hostKey;
  }

  get serverIdentification(): string {
    return this.#transport.peerIdentification;
  }

  /** Bytes on the wire so far, encryption and all; zeros where the stream below does not count. */
  get traffic(): { readonly sentBytes: number; readonly receivedBytes: number } {
    const { bytesWritten = 0, bytesRead = 0 } = this.#driver.stream as Partial<Socket>;
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
   */
  async forwardTcp(
    host: string,
    port: number,
    options: CallOptions & { originator?: { address: string; port: number } } = {},
  ): Promise<Duplex> {
    const { address, port: originatorPort } = options.originator ?? { address: '127.0.0.1', port: 0 };
    const data = directTcpip.data.encode({ host, port, originatorAddress: address, originatorPort });
    return new ChannelStream(await this.connection.openChannel(directTcpip.name, data, options));
  }

  /** The same for a Unix socket on the server's machine. */
  async forwardUnix(path: string, options: CallOptions = {}): Promise<Duplex> {
    const data = directStreamlocalOpenssh.data.encode({
      socketPath: path,
      reserved: Buffer.alloc(0),
      reservedNumber: 0,
    });
    return new ChannelStream(await this.connection.openChannel(directStreamlocalOpenssh.name, data, options));
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

  /** Promises the server that no further session is opened, so that nobody who gets hold of this connection can open one either. */
  noMoreSessions(): void {
    this.connection.sendNoMoreSessions();
  }

  /** Changes the keys now. */
  async rekey(): Promise<void> {
    await this.#transport.rekey();
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
  #hostKeysHandler({ onHostKeys }: ConnectOptions): RequestHandler {
    let isFirst = true;
    return ({ data }) => {
      if (!isFirst || onHostKeys === undefined) return false;
      isFirst = false;
      onHostKeys({ keys: readAnnouncedHostKeys(data), prove: (keys) => this.#proveHostKeys(keys) });
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
      await Promise.all([terminal, run(session)]);
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }
}
