/** What a logged-in client may open and ask for, held to its permissions. */
import type { Duplex } from 'node:stream';
import {
  type Answer,
  allocatedPort,
  type Channel,
  type ChannelOpenHandler,
  ChannelStream,
  type ChannelSubject,
  cancelStreamlocalForwardOpenssh,
  cancelTcpipForward,
  directStreamlocalOpenssh,
  directTcpip,
  formatEndpoint,
  forwardedTcpip,
  hostKeyProver,
  hostkeysProveOpenssh,
  type IncomingOpen,
  type IncomingRequest,
  keepalive,
  noMoreSessions,
  openFailureReasons,
  type RequestHandler,
  type RotationFacts,
  ServerSession,
  session,
  streamlocalForwardOpenssh,
  tcpipForward,
  tunOpenssh,
} from '../connection/index.ts';
import { join } from '../io/index.ts';
import type { HostKey } from '../transport/index.ts';
import { mayListen, mayOpen } from '../trust/index.ts';
import type { LentThings } from './lent.ts';
import type { ChannelSettings, Listening } from './options.ts';
import { programHandler } from './programs.ts';
import type { ServerConnection } from './server-connection.ts';
import type { SocketListeners } from './socket-listeners.ts';
import { openTunnel } from './tunnel.ts';

const defaultMaxSessions = 10;

export function channelHandlers(
  connection: ServerConnection,
  options: ChannelSettings,
  lent: LentThings,
): ReadonlyMap<string, ChannelOpenHandler> {
  const sessions = new Set<Channel>();
  const openSession = (open: IncomingOpen) => {
    // Asked for now: the end of one and the beginning of the next may come in the same read.
    for (const before of sessions) if (before.state === 'closed') sessions.delete(before);
    if (sessions.size >= (options.maxSessions ?? defaultMaxSessions)) {
      open.refuse(openFailureReasons.administrativelyProhibited, 'too many sessions on this connection');
      return;
    }
    const handler = options.session?.(connection) ?? programHandler(connection, options);
    const channel = open.accept();
    sessions.add(channel);
    void channel.closed.then(() => sessions.delete(channel));
    new ServerSession(channel, handler, (request, session) => lent.handle(request, session));
  };
  return new Map<string, ChannelOpenHandler>([
    [session.name, openSession],
    [directTcpip.name, (open) => forwardTcp(open, connection, options)],
    [directStreamlocalOpenssh.name, (open) => forwardUnix(open, connection, options)],
    [tunOpenssh.name, (open) => openTunnel(open, connection, options)],
  ]);
}

export function globalRequestHandlers(
  connection: ServerConnection,
  options: ChannelSettings,
  listeners: PortListeners,
  sockets: SocketListeners,
  hostKeys: readonly HostKey[],
): ReadonlyMap<string, RequestHandler> {
  const signers = hostKeys.map(({ signer }) => signer);
  return new Map<string, RequestHandler>([
    // Any answer is a sign of life; OpenSSH's is a refusal as well.
    [keepalive.name, () => false],
    [hostkeysProveOpenssh.name, (request) => hostKeyProver(signers, rotationFacts(connection))(request)],
    [tcpipForward.name, (request) => listeners.open(request, connection, options)],
    [cancelTcpipForward.name, (request) => listeners.cancel(request)],
    [streamlocalForwardOpenssh.name, (request) => sockets.open(request, connection, options)],
    [cancelStreamlocalForwardOpenssh.name, (request) => sockets.cancel(request)],
    [noMoreSessions.name, () => true],
  ]);
}

/** What proofs of host keys are bound to. */
function rotationFacts({ sessionId, algorithms }: ServerConnection): RotationFacts {
  return { sessionId, hostKeyAlgorithm: algorithms?.hostKey ?? '' };
}

async function forwardTcp(open: IncomingOpen, connection: ServerConnection, options: ChannelSettings): Promise<void> {
  const request = directTcpip.data.decode(open.data);
  if (options.forwardTcp === undefined || !mayOpen(connection.permissions, request.host, request.port))
    return open.refuse();
  const subject = {
    kind: 'tunnel',
    destination: formatEndpoint(request.host, request.port),
    originator: formatEndpoint(request.originatorAddress, request.originatorPort),
  } as const;
  await connect(open, connection, subject, () => options.forwardTcp?.(request, connection));
}

async function forwardUnix(open: IncomingOpen, connection: ServerConnection, options: ChannelSettings): Promise<void> {
  const { socketPath } = directStreamlocalOpenssh.data.decode(open.data);
  if (options.forwardUnix === undefined || !connection.permissions.allow['port-forwarding']) return open.refuse();
  // A list of permitted destinations names hosts: a socket is on none of them.
  if (connection.permissions.permitOpen.length > 0) return open.refuse();
  const subject = { kind: 'tunnel', destination: socketPath } as const;
  await connect(open, connection, subject, () => options.forwardUnix?.(socketPath, connection));
}

async function connect(
  open: IncomingOpen,
  connection: ServerConnection,
  subject: ChannelSubject,
  dial: () => Promise<Duplex | undefined> | undefined,
): Promise<void> {
  let stream: Duplex | undefined;
  try {
    stream = await dial();
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'failed';
    return open.refuse(openFailureReasons.connectFailed, `Connection failed: ${reason}`);
  }
  if (stream === undefined) return open.refuse();
  if (connection.connection.ended) {
    stream.destroy();
    return;
  }
  join(new ChannelStream(open.accept({ subject })), stream);
}

/** The ports a client has us listen on; they close with its connection. */
export class PortListeners {
  readonly #listening = new Map<string, Listening>();
  #isClosed = false;

  async open(request: IncomingRequest, connection: ServerConnection, options: ChannelSettings): Promise<Answer> {
    const { address, port } = tcpipForward.data.decode(request.data);
    if (options.listen === undefined || port > 65535 || !mayListen(connection.permissions, address, port)) return false;
    if (port !== 0 && this.#listening.has(keyOf(address, port))) return false;
    let chosen = port;
    const listening = await options.listen(
      {
        address,
        port,
        onConnection: (stream, originator) =>
          void this.#forward(stream, { address, port: chosen, originator }, connection),
      },
      connection,
    );
    if (listening === undefined) return false;
    chosen = listening.port;
    if (this.#isClosed) {
      listening.close();
      return false;
    }
    this.#listening.set(keyOf(address, chosen), listening);
    return port === 0 ? allocatedPort.encode({ port: chosen }) : true;
  }

  cancel(request: IncomingRequest): boolean {
    const { address, port } = cancelTcpipForward.data.decode(request.data);
    const listening = this.#listening.get(keyOf(address, port));
    listening?.close();
    return this.#listening.delete(keyOf(address, port));
  }

  close(): void {
    this.#isClosed = true;
    for (const listening of this.#listening.values()) listening.close();
    this.#listening.clear();
  }

  async #forward(
    stream: Duplex,
    from: { address: string; port: number; originator: { address: string; port: number } },
    connection: ServerConnection,
  ): Promise<void> {
    const data = forwardedTcpip.data.encode({
      address: from.address,
      port: from.port,
      originatorAddress: from.originator.address,
      originatorPort: from.originator.port,
    });
    const { address, port } = from.originator;
    const subject = {
      kind: 'tunnel',
      destination: `client, from ${formatEndpoint(from.address, from.port)}`,
      originator: formatEndpoint(address, port),
    } as const;
    try {
      const channel = await connection.connection.openChannel(forwardedTcpip.name, data, { subject });
      join(new ChannelStream(channel), stream);
    } catch {
      // The client does not want it: whoever connected sees a closed connection.
      stream.destroy();
    }
  }
}

function keyOf(address: string, port: number): string {
  return `${address} ${port}`;
}
