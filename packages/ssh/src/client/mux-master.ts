/** A master: shares a connection with other programs of its user over a control socket. */
import type { Socket } from 'node:net';
import { SshError } from '../errors.ts';
import { adoptSocket } from '../io/index.ts';
import {
  type MuxForward,
  MuxMasterSession,
  type MuxQuestion,
  muxRefusal,
  type PassengerHandlers,
} from '../mux/index.ts';
import type { ClientConnection } from './client-connection.ts';
import { listenControlSocket } from './control-socket.ts';
import { type ActiveForward, type ForwardOptions, forwardLocal, forwardRemote } from './forwards.ts';
import { describeMaster } from './mux-info.ts';
import { awaitDescriptors, type DescriptorCalls } from './passed-descriptors.ts';

export interface MuxPolicy {
  /** Asked before a client is served (ControlMaster ask); the default serves everybody who may open the socket. */
  readonly confirm?: (question: MuxQuestion) => boolean | Promise<boolean>;
  /**
   * The user at the other end of a socket. Anybody but ourselves and root is turned away, whatever the mode of the file; where
   * it is not given or not known, the mode alone keeps others out.
   */
  readonly peerUserId?: (fd: number) => number | undefined;
  /** How forwards that clients ask for are opened. */
  readonly forwards?: ForwardOptions | ((forward: MuxForward) => ForwardOptions);
  /** Forwards that stand already, so that clients can find and cancel them. */
  readonly standing?: readonly { readonly forward: MuxForward; readonly active: ActiveForward }[];
  /** A client asked for the end of the connection; default: close it. */
  readonly onTerminate?: () => void;
  /** A client came or went, or the listening ended. */
  readonly onChange?: (master: MuxMaster) => void;
  readonly log?: (text: string) => void;
  /** Looked at for every client, so that what it takes need not be loaded before there is one. */
  readonly passengers?: PassengerPolicy | undefined;
}

/** For masters that can take over standard streams, which plain Node cannot: what OpenSSH's ssh asks for by itself. */
export interface PassengerPolicy
  extends Pick<PassengerHandlers, 'openSession' | 'openStdioForward'>,
    Pick<DescriptorCalls, 'receiveDescriptors'> {}

export interface MuxMaster {
  readonly path: string;
  /** Clients that are connected. */
  readonly clientCount: number;
  /** Whether new clients are taken. */
  readonly isListening: boolean;
  /** Takes no more clients and removes the socket; those that are connected stay. */
  stopListening(): void;
  /** Ends everything but the connection. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A frame begins with so many bytes. */
const lengthBytes = 4;

/** A client passes its descriptors right behind its request. */
const descriptorTimeoutMs = 10_000;

/** Clients that may be connected at once; each costs a descriptor and a few kilobytes. */
const maxClients = 1024;

/**
 * Shares a connection with the programs of this user: OpenSSH's ssh (`-O check`, `forward`, `cancel`, `stop`, `exit`,
 * `conninfo`, `channels`, and `-O proxy` for commands) and nacre's.
 *
 * @param path - where the control socket lies (ControlPath), in a folder of the user's own.
 * @throws SshError `connect-failed` where a master listens there already.
 * @example
 * const server = await connect('web.example.com', { hostKeys: knownHosts() });
 * await using master = await serveMux(server, '/run/user/1000/ssh-web');
 */
export async function serveMux(connection: ClientConnection, path: string, policy: MuxPolicy = {}): Promise<MuxMaster> {
  const sessions = new Set<MuxMasterSession>();
  const forwards = new SharedForwards(connection, policy);
  let isListening = true;
  const changed = (): void => policy.onChange?.(master);

  const socket = await listenControlSocket(path, (client) => {
    if (!isPermitted(client, policy) || sessions.size >= maxClients) {
      client.destroy();
      return;
    }
    // Its first bytes are asked for before there is a session.
    let session: MuxMasterSession | undefined;
    const driver = adoptSocket(client, () => session?.wantedBytes ?? lengthBytes);
    const { passengers } = policy;
    session = new MuxMasterSession(driver, {
      connection: connection.connection,
      pid: process.pid,
      confirm: policy.confirm,
      openForward: (forward) => forwards.open(forward),
      closeForward: (forward) => forwards.close(forward),
      terminate: () => (policy.onTerminate === undefined ? void connection.close() : policy.onTerminate()),
      stopListening: () => master.stopListening(),
      rekey: () => connection.rekey(),
      describe: (subject) => describeMaster(connection, subject, startedMs),
      passengers: passengers && {
        openSession: (request, descriptors) => passengers.openSession(request, descriptors),
        openStdioForward: (request, descriptors) => passengers.openStdioForward(request, descriptors),
        takeDescriptors: (count) => {
          const socketFd = () => descriptorOf(driver.stream);
          return awaitDescriptors(passengers, { count, timeoutMs: descriptorTimeoutMs, socketFd });
        },
      },
      ended: (error) => {
        if (error !== undefined) policy.log?.(`a client of the control socket was cut off: ${error.message}`);
        if (session !== undefined) sessions.delete(session);
        changed();
      },
      log: policy.log,
    });
    sessions.add(session);
    driver.drive(session);
    driver.stream.resume();
    changed();
  });
  const startedMs = performance.now();

  const master: MuxMaster = {
    path,
    get clientCount() {
      return sessions.size;
    },
    get isListening() {
      return isListening;
    },
    stopListening() {
      if (!isListening) return;
      isListening = false;
      socket.close();
      changed();
    },
    async close() {
      master.stopListening();
      for (const session of [...sessions]) session.close();
      await forwards.closeAll();
    },
    [Symbol.asyncDispose]: () => master.close(),
  };
  void connection.closed.then(() => master.close());
  return master;
}

function isPermitted(client: Socket, { peerUserId, log }: MuxPolicy): boolean {
  if (peerUserId === undefined) return true;
  const own = process.getuid?.();
  const fd = descriptorOf(client);
  if (own === undefined || fd === undefined) return true;
  const peer = peerUserId(fd);
  if (peer === undefined || peer === 0 || peer === own) return true;
  log?.(`multiplex uid mismatch: peer euid ${peer} != uid ${own}`);
  return false;
}

/** Undefined for a socket that is closed. */
function descriptorOf(socket: object): number | undefined {
  const { fd = -1 } = (socket as { _handle?: { fd?: number } | null })._handle ?? {};
  return fd < 0 ? undefined : fd;
}

/** The forwards that clients see, by what was asked for. */
class SharedForwards {
  readonly #connection: ClientConnection;
  readonly #options: NonNullable<MuxPolicy['forwards']>;
  readonly #active = new Map<string, ActiveForward>();

  constructor(connection: ClientConnection, { forwards = {}, standing = [] }: MuxPolicy) {
    this.#connection = connection;
    this.#options = forwards;
    for (const { forward, active } of standing) this.#active.set(keyOf(forward), active);
  }

  async open(forward: MuxForward): Promise<number | undefined> {
    const key = keyOf(forward);
    const standing = this.#active.get(key);
    const active = standing ?? (await this.#start(forward));
    this.#active.set(key, active);
    const { listen } = forward;
    const isChosen = forward.kind === 'remote' && listen.kind === 'tcp' && listen.port === 0;
    return isChosen && active.listen.kind === 'tcp' ? active.listen.port : undefined;
  }

  async close(forward: MuxForward): Promise<void> {
    const key = keyOf(forward);
    const active = this.#active.get(key);
    if (active === undefined) throw muxRefusal('port not forwarded');
    this.#active.delete(key);
    await active.close();
  }

  async closeAll(): Promise<void> {
    const all = [...this.#active.values()];
    this.#active.clear();
    await Promise.allSettled(all.map((active) => active.close()));
  }

  async #start(forward: MuxForward): Promise<ActiveForward> {
    const { kind, listen } = forward;
    const options = typeof this.#options === 'function' ? this.#options(forward) : this.#options;
    try {
      return await (kind === 'remote' ? forwardRemote : forwardLocal)(this.#connection, forward, options);
    } catch (error) {
      if (kind !== 'remote' || !(error instanceof SshError)) throw muxRefusal('Port forwarding failed');
      const where = listen.kind === 'unix' ? `path ${listen.path}` : `port ${listen.port}`;
      throw muxRefusal(`remote port forwarding failed for listen ${where}`);
    }
  }
}

/** All of it counts: a client that cancels has to name the target as well. */
function keyOf({ kind, listen, target }: MuxForward): string {
  return JSON.stringify([kind, listen, target]);
}
