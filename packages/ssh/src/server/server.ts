/** createServer(): listens, accepts, and holds the connections within bounds. */
import {
  type AddressInfo,
  createServer as createNetServer,
  type ListenOptions,
  type Server,
  type Socket,
} from 'node:net';
import type { Duplex } from 'node:stream';
import { disconnectReasons, SshError } from '../errors.ts';
import { StreamDriver, takeAccepted } from '../io/index.ts';
import { maxAwaitedProxyHeaders } from '../limits.ts';
import { addTraffic, type HostKey, noTraffic, type TransportTraffic } from '../transport/index.ts';
import type { ConnectionFacts } from './connection-facts.ts';
import { guardHooks } from './hooks.ts';
import type { ServerOptions, Serving } from './options.ts';
import type { Peer, SeenPeer } from './peer.ts';
import { takeProxyHeader } from './proxied.ts';
import { serve } from './serve.ts';
import type { ServerConnection } from './server-connection.ts';

/** OpenSSH's MaxStartups: a flood of connections that never log in must not keep others out for sure. */
const defaultMaxStartups = { start: 10, ratePercent: 30, full: 100 };

/**
 * Makes a server; `listen()` starts it.
 *
 * @throws SshError `misuse` without a host key or without a way to log in.
 * @example
 * const server = createServer({
 *   hostKeys: [await generateKey('ssh-ed25519')],
 *   authenticate: { publicKey: async ({ key }) => key.equals(adasKey) },
 *   exec: async (command, { stdout }) => void stdout.end(`you said ${command}\n`),
 * });
 * const { port } = await server.listen(2222, '127.0.0.1');
 */
export function createServer(options: ServerOptions): SshServer {
  return new SshServer(options);
}

/** A connection that is open, logged in or not. */
export interface ServedConnection {
  readonly peer: Peer;
  /** What it is and what it has carried, at this moment. */
  facts(): ConnectionFacts | Promise<ConnectionFacts>;
  /** Ends it, and tells the client why. */
  end(reason: string): void;
}

/** A place where a server listens. */
export interface OpenPort {
  readonly address: string;
  readonly port: number;
  /** Takes no new connections there; those that are open go on. */
  stop(): void;
}

/** What a server has carried since it was made, open connections among it. */
export interface ServerTotals extends TransportTraffic {
  readonly connections: number;
}

export class SshServer {
  #options: ServerOptions;
  #hostKeys: readonly HostKey[];
  readonly #listeners = new Set<Server>();
  readonly #serving = new Set<Serving<unknown>>();
  /** Balancers' connections whose PROXY header is not there yet. */
  readonly #awaited = new Set<StreamDriver>();
  #startups = 0;
  /** Of the connections that have ended. */
  #past: ServerTotals = { connections: 0, ...noTraffic };

  constructor(options: ServerOptions) {
    this.#hostKeys = requireServable(options);
    this.#options = guardHooks(options);
  }

  /**
   * Serves new connections by other options. Those that are open go on as they began, and the ports stay as they are.
   *
   * @throws SshError `misuse` as `createServer` does; nothing is changed then.
   */
  reconfigure(options: ServerOptions): void {
    this.#hostKeys = requireServable(options);
    this.#options = guardHooks(options);
  }

  /** Connections that are open, logged in or not. */
  get connectionCount(): number {
    return this.#serving.size;
  }

  /** The connections that are open, logged in or not, oldest first. */
  get connections(): readonly ServedConnection[] {
    return [...this.#serving].map(({ peer, facts, end }) => ({
      peer,
      facts,
      end: (reason) =>
        end(
          new SshError(reason, {
            code: 'closed',
            stage: 'transport',
            disconnect: disconnectReasons.byApplication,
            farewell: reason,
          }),
        ),
    }));
  }

  get totals(): ServerTotals {
    return [...this.#serving].reduce((sum, { traffic }) => addConnection(sum, traffic()), this.#past);
  }

  /**
   * Listens.
   *
   * @param port - 0 lets the system choose.
   * @param options - `ipv6Only`: whether `::` leaves IPv4 alone, for servers that listen on `0.0.0.0` as well.
   * @throws SshError `connect-failed` where the port is taken or not allowed.
   */
  listen(port: number, address = '127.0.0.1', options: { readonly ipv6Only?: boolean } = {}): Promise<OpenPort> {
    return this.#listen({ port, host: address, ipv6Only: options.ipv6Only ?? false }, `${address} port ${port}`);
  }

  /**
   * Listens on a socket that is open already: a supervisor's (systemd's LISTEN_FDS), or one with options that Node does not know.
   *
   * @param descriptor - of a TCP socket that listens; the server's from now on.
   * @throws SshError `connect-failed` for what is none.
   */
  listenOn(descriptor: number): Promise<OpenPort> {
    return this.#listen({ fd: descriptor }, `descriptor ${descriptor}`);
  }

  async #listen(where: ListenOptions | { fd: number }, name: string): Promise<OpenPort> {
    const listener = createNetServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true }, (socket) => {
      void this.#accept(socket);
    });
    await new Promise<void>((resolve, reject) => {
      listener.once('error', (error) => reject(cannotListen(error, name)));
      listener.listen(where, resolve);
    });
    // An accept that fails (too many open files) is no reason to end the process.
    listener.on('error', (error) => this.#options.onError?.(error, unknownPeer));
    this.#listeners.add(listener);
    const { address, port } = listener.address() as AddressInfo;
    return { address, port, stop: () => this.#stop(listener) };
  }

  /**
   * Serves one stream that came from elsewhere: inetd's, a WebSocket's, a test's.
   *
   * @returns the connection once it is logged in, undefined where it never will be.
   */
  handle(stream: Duplex, peer: Partial<Peer> = {}): Promise<ServerConnection | undefined> {
    const seen = { ...unknownPeer, ...peer };
    return this.#serve(seen, () => this.#begin(new StreamDriver(stream), seen));
  }

  /**
   * Serves one socket that came from elsewhere, of which nothing was read, as if it had come to a port of this server's.
   *
   * @returns whether its client has logged in; false as soon as it never will.
   */
  async accept(socket: Socket): Promise<boolean> {
    return (await this.#accept(socket)) !== undefined;
  }

  /** Resolves when none of the connections that are open now is open any more. */
  async ended(): Promise<void> {
    await Promise.all([...this.#serving].map((serving) => serving.ended));
  }

  /** Stops listening and ends every connection. Resolves when all are gone. */
  async close(): Promise<void> {
    this.stopListening();
    for (const { stream } of this.#awaited) stream.destroy();
    const going = [...this.#serving].map(async (serving) => {
      serving.end(
        new SshError('the server is going down', {
          code: 'closed',
          stage: 'transport',
          disconnect: disconnectReasons.byApplication,
        }),
      );
      await serving.ended;
    });
    await Promise.all(going);
  }

  /** Takes no new connections anywhere; those that are open go on. */
  stopListening(): void {
    for (const listener of this.#listeners) this.#stop(listener);
  }

  #stop(listener: Server): void {
    if (this.#listeners.delete(listener)) listener.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #accept(socket: Socket): Promise<unknown> {
    const peer: SeenPeer = { ...peerOf(socket) };
    if (peer.address === undefined && peer.localAddress !== undefined) {
      // Reset before it was accepted, as many health checks do: nobody is there, and no rule for an address could hold.
      this.#options.log?.(1, 'a connection was gone before it was accepted', peer);
      socket.destroy();
      return undefined;
    }
    const routingDomain = this.#options.routingDomainOf?.(socket);
    if (routingDomain !== undefined) peer.routingDomain = routingDomain;
    if (this.#options.tcpKeepAlive === true) socket.setKeepAlive(true);
    if (peer.address !== undefined && this.#options.proxyProtocolFrom?.(peer.address)) {
      this.#acceptProxied(socket, peer);
      return undefined;
    }
    if (!this.#mayEnter(peer, socket)) return undefined;
    return this.#enter(peer, socket, () => this.#begin(takeAccepted(socket), peer));
  }

  /** What the balancer says comes first: until then nobody knows whose connection it is. */
  #acceptProxied(socket: Socket, balancer: Peer): void {
    if (this.#awaited.size >= maxAwaitedProxyHeaders) {
      this.#options.onRefused?.(balancer, { reason: 'too many without a PROXY header', startups: this.#startups });
      socket.destroy();
      return;
    }
    const driver = takeProxyHeader(socket, (outcome) => {
      this.#awaited.delete(driver);
      if (outcome === 'silent') {
        this.#options.log?.(1, 'a balancer connected and said nothing', balancer);
      } else if (outcome instanceof SshError) {
        this.#options.onRefused?.(balancer, { reason: outcome.message, startups: this.#startups });
      } else {
        const { ends } = outcome;
        const peer = ends === undefined ? { ...balancer, isBalancer: true } : { ...balancer, ...ends };
        const rest = driver.stream as Socket;
        if (!this.#mayEnter(peer, rest)) return;
        void this.#enter(peer, rest, () => {
          const here = this.#begin(driver, peer);
          driver.setReading(true);
          return here;
        });
      }
    });
    this.#awaited.add(driver);
  }

  /** @param begin - serves the socket in this process. */
  #enter(peer: SeenPeer, socket: Socket, begin: () => Serving<unknown>): Promise<unknown> {
    return this.#serve(peer, () => this.#options.serveElsewhere?.(socket, peer) ?? begin());
  }

  /** Whether a connection is let in; one that is not is closed. */
  #mayEnter(peer: Peer, socket: Socket): boolean {
    const reason = this.#options.turnAway?.(peer);
    if (reason === undefined && !this.#isFull()) return true;
    this.#options.onRefused?.(peer, { reason, startups: this.#startups });
    // Nobody may hold a socket open by not reading this.
    socket.on('error', () => {});
    socket.end('Not allowed at this time\r\n', () => socket.destroy());
    socket.setTimeout(refusalTimeoutMs, () => socket.destroy());
    return false;
  }

  #begin(driver: StreamDriver, peer: SeenPeer): Serving<ServerConnection> {
    return serve(driver, peer, this.#hostKeys, this.#options);
  }

  async #serve<Login>(peer: SeenPeer, begin: () => Serving<Login>): Promise<Login | undefined> {
    this.#options.onConnection?.(peer);
    this.#startups++;
    const serving = begin();
    this.#serving.add(serving);
    void serving.ended.then(() => {
      this.#serving.delete(serving);
      this.#past = addConnection(this.#past, serving.traffic());
    });
    try {
      // A handler that never answers must not count its client for ever, who has gone.
      return await Promise.race([serving.loggedIn, serving.ended.then(() => undefined)]);
    } finally {
      this.#startups--;
    }
  }

  /** Random early drop, so that a flood cannot aim at keeping everybody out. */
  #isFull(): boolean {
    const { start, ratePercent, full } = this.#options.maxStartups ?? defaultMaxStartups;
    if (this.#startups < start) return false;
    if (this.#startups >= full) return true;
    const chance = ratePercent + ((100 - ratePercent) * (this.#startups - start)) / (full - start);
    return Math.random() * 100 < chance;
  }
}

function addConnection(sum: ServerTotals, traffic: TransportTraffic): ServerTotals {
  return { connections: sum.connections + 1, ...addTraffic(sum, traffic) };
}

/** The host keys, where somebody could log in. */
function requireServable(options: ServerOptions): readonly HostKey[] {
  // From JavaScript anything may be missing.
  const { hostKeys = [], authenticate = {} } = (options ?? {}) as Partial<ServerOptions>;
  if (hostKeys.length === 0)
    throw misuse('a server needs a host key', 'Give hostKeys: [await generateKey("ssh-ed25519")].');
  const { publicKey, password, keyboardInteractive, none } = authenticate;
  // A server that forgot to say who may log in must not let everybody in (Go CVE-2026-39835: a missing policy crashed).
  if (!publicKey && !password && !keyboardInteractive && !none) {
    throw misuse('nobody could log in: authenticate has no handler', 'Give authenticate: { publicKey, password … }.');
  }
  return hostKeys.map((key) => ('signer' in key ? key : { signer: key }));
}

/** How long a client that is turned away may take to read why. */
const refusalTimeoutMs = 1000;

/** The two ends of a socket, as a peer that has not said anything yet. */
export function peerOf(socket: Socket): Peer {
  return {
    address: plainAddress(socket.remoteAddress),
    port: socket.remotePort,
    localAddress: plainAddress(socket.localAddress),
    localPort: socket.localPort,
    identification: '',
  };
}

const unknownPeer: Peer = {
  address: undefined,
  port: undefined,
  localAddress: undefined,
  localPort: undefined,
  identification: '',
};

/** An IPv4 peer of a socket for both families is an IPv4 peer. */
function plainAddress(address: string | undefined): string | undefined {
  return address?.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '');
}

function misuse(message: string, remedy: string): SshError {
  return new SshError(message, { code: 'misuse', stage: 'usage', remedy });
}

const remedies: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Another program has the port: choose another one.',
  EACCES: 'Ports below 1024 need root.',
};

function cannotListen(error: NodeJS.ErrnoException, name: string): SshError {
  return new SshError(`cannot listen on ${name}: ${error.message}`, {
    code: 'connect-failed',
    stage: 'tcp',
    ...(remedies[error.code ?? ''] && { remedy: remedies[error.code ?? ''] as string }),
    cause: error,
  });
}
