/** A connection as the monitor sees it: others speak with its client, the monitor knows who it is and what may be signed for it. */
import type { Socket } from 'node:net';
import type { SshError } from '@nacre/ssh/errors';
import type { ConnectionFacts, Peer } from '@nacre/ssh/server';
import { addTraffic, type HostKey, noTraffic, type TransportTraffic } from '@nacre/ssh/transport';
import { type Account, giveTerminal, requireTerminal } from '../../../os/index.ts';
import type { Say } from '../admission.ts';
import type { SessionRecords } from '../session-records.ts';
import type { TunnelAnswer } from '../tunnel-books.ts';
import type { Answers, Calls } from './calls.ts';
import { HostSigning } from './host-signing.ts';
import type { KeptBooks } from './kept-books.ts';
import type { KeptRecordings } from './kept-recordings.ts';
import type { MonitorTable, ServingTable } from './tables.ts';

/** Numbers connections for the life of the server. */
let count = 0;

/** Whoever logged in. */
export interface Owner {
  readonly recordings: KeptRecordings;
  readonly account: Account;
  readonly records: SessionRecords | undefined;
  readonly books: KeptBooks;
}

const noBooks: TunnelAnswer = { refusal: 'there is no such connection' };

/** A process that is somebody else's may not fill the system's records. */
const maxTerminals = 1000;

/** A process that serves clients, as the monitor reaches it. */
type ServingProcess = Calls<ServingTable, MonitorTable>;

export class Conveyed {
  readonly id = ++count;
  readonly peer: Peer;
  /** The monitor's own descriptor, of which it reads nothing. Whoever serves the client has another one. */
  readonly socket: Socket;
  readonly hostKeys: readonly HostKey[];
  readonly signing: HostSigning;
  readonly say: Say;
  /** Whose it is, once that is decided. */
  owner: Owner | undefined;
  /** Settles when the connection has ended. */
  readonly ended: Promise<SshError>;
  /** Whoever serves the client; between two of them nobody does. */
  servedBy: ServingProcess | undefined;
  #settle: (error: SshError) => void = () => {};
  /** Why the server itself ends it. */
  #closedFor: SshError | undefined;
  readonly #terminals = new Set<string>();
  readonly #openedMs = performance.now();
  /** By those who served it before, and by the one who does. */
  #carried = noTraffic;
  #latest = noTraffic;

  constructor(socket: Socket, peer: Peer, hostKeys: readonly HostKey[], say: Say) {
    this.socket = socket;
    this.peer = peer;
    this.hostKeys = hostKeys;
    this.signing = new HostSigning(hostKeys);
    this.say = say;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    // Nobody reads here, but the system may have something to say all the same.
    socket.on('error', () => {});
  }

  /**
   * The server's own end. It stays that whatever is told of the connection from now on: a client that hangs up before
   * the process that serves it has heard of the end is none that left without logging in.
   */
  close(error: SshError): void {
    this.#closedFor ??= error;
    this.fail(error);
  }

  /** Has whoever serves the client end the connection. */
  fail(error: SshError): void {
    if (this.servedBy === undefined) this.end(error);
    else this.servedBy.tell('fail', { id: this.id, error });
  }

  /** What it is and has carried, as whoever serves it says. */
  async facts(): Promise<ConnectionFacts> {
    const told = await this.servedBy?.call('facts', { id: this.id }).catch(() => undefined);
    if (told !== undefined) this.#latest = addTraffic(noTraffic, told);
    const unknown = { phase: 'auth', algorithms: undefined, login: undefined, channels: [] } as const;
    const ageMs = performance.now() - this.#openedMs;
    return { ...(told ?? unknown), ...this.traffic(), peer: { ...this.peer }, ageMs };
  }

  /** As far as it was told. */
  traffic(): TransportTraffic {
    return addTraffic(this.#carried, this.#latest);
  }

  /** So much has passed through the process that served it; from here on another one counts. */
  handedOver(traffic: TransportTraffic): void {
    this.#carried = addTraffic(this.#carried, traffic);
    this.#latest = noTraffic;
  }

  /** A terminal of its user's: recorded until it is closed, or the connection ends. */
  async openRecord(path: string): Promise<string> {
    if (this.owner === undefined) throw new Error('nobody is logged in');
    requireTerminal(path, this.owner.account);
    if (this.#terminals.size >= maxTerminals) throw new Error('these are more terminals than anybody has');
    this.#terminals.add(path);
    return (await this.owner.records?.open(path)) ?? '';
  }

  async closeRecord(path: string): Promise<void> {
    if (this.#terminals.delete(path)) await this.owner?.records?.close(path);
  }

  /** The connection has ended: the first word counts. */
  end(error: SshError, traffic: TransportTraffic = this.#latest): void {
    this.#latest = traffic;
    this.socket.destroy();
    this.#settle(this.#closedFor ?? error);
  }

  /** Nobody says any more what becomes of its sessions: whatever is open of theirs is closed. */
  forget(): void {
    for (const path of this.#terminals) void this.closeRecord(path);
    void this.owner?.books.forget();
    void this.owner?.recordings.forget();
  }
}

/** The connections that one process serves, or served until a moment ago: it can speak of no others. */
export class Served {
  readonly #connections = new Map<number, Conveyed>();
  readonly #onEmpty: () => void;

  constructor(onEmpty: () => void = () => {}) {
    this.#onEmpty = onEmpty;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Told of recordings that have failed. */
  onRecordingFailed: (failure: { id: number; recording: number; error: SshError }) => void = () => {};

  /** @param calls - to the process, which is asked to end the connection when the monitor wants it. */
  add(connection: Conveyed, calls: ServingProcess): void {
    this.#connections.set(connection.id, connection);
    connection.servedBy = calls;
  }

  /** The process has no more to do with it. */
  release(connection: Conveyed): void {
    connection.servedBy = undefined;
    if (this.#connections.delete(connection.id) && this.size === 0) this.#onEmpty();
  }

  /** The process is gone, and its connections with it. */
  endAll(error: SshError): void {
    const all = [...this.#connections.values()];
    this.#connections.clear();
    for (const connection of all) {
      connection.end(error);
      connection.forget();
    }
  }

  /** What the monitor does for the process. */
  readonly answers: Answers<MonitorTable> = {
    sign: (request) => {
      const connection = this.#connections.get(request.id);
      if (connection === undefined) throw new Error('there is no such connection');
      return connection.signing.sign(request);
    },
    ended: ({ id, error, traffic }) => {
      this.#connections.get(id)?.end(error, traffic);
    },
    forget: ({ id }) => {
      const connection = this.#connections.get(id);
      if (connection === undefined) return;
      this.release(connection);
      connection.forget();
    },
    giveTerminal: ({ id, path }) => {
      const account = this.#connections.get(id)?.owner?.account;
      if (account !== undefined) giveTerminal(path, account);
    },
    openRecord: async ({ id, path }) => (await this.#connections.get(id)?.openRecord(path)) ?? '',
    closeRecord: ({ id, path }) => this.#connections.get(id)?.closeRecord(path),
    beginRecording: async ({ id, meta }) => {
      const recordings = this.#connections.get(id)?.owner?.recordings;
      if (recordings === undefined) throw new Error('there is no such connection');
      return recordings.begin(meta, (recording, error) => this.onRecordingFailed({ id, recording, error }));
    },
    writeRecording: ({ id, recording, kind, seconds, text }) =>
      this.#connections.get(id)?.owner?.recordings.write(recording, kind, seconds, text),
    endRecording: ({ id, recording, outcome }) => this.#connections.get(id)?.owner?.recordings.end(recording, outcome),
    openTunnel: async ({ id }) => (await this.#connections.get(id)?.owner?.books.open()) ?? noBooks,
    countTunnel: ({ id, ticket, byteCount }) => this.#connections.get(id)?.owner?.books.count(ticket, byteCount),
    closeTunnel: ({ id, ticket, byteCount }) => this.#connections.get(id)?.owner?.books.close(ticket, byteCount),
    log: ({ id, level, text, facts }) => this.#connections.get(id)?.say(level, text, facts),
  };
}
