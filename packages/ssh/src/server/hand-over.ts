/** One client served by several processes: its handshake in one, the decisions of its login in another, its channels in a third. */
import type { Socket } from 'node:net';
import type { SshError } from '../errors.ts';
import { adoptSocket, type StreamDriver, systemClock } from '../io/index.ts';
import { decodePublicKey } from '../keys/index.ts';
import {
  type AuthLink,
  type HostKey,
  Transport,
  type TransportState,
  type TransportTraffic,
} from '../transport/index.ts';
import { type ConnectionFacts, connectionFacts } from './connection-facts.ts';
import type { ChannelSettings, TransportSettings } from './options.ts';
import type { Peer } from './peer.ts';
import { acknowledgeReads, beginChannels, transportOptions } from './serve.ts';
import type { ServerConnection, ServerLogin } from './server-connection.ts';

/** What a login has to know of the handshake before it: plain data. */
export interface HandshakeFacts {
  readonly sessionId: Uint8Array;
  readonly hostKeyBlob: Uint8Array;
  readonly peerExtensions: readonly (readonly [string, Uint8Array])[];
  readonly peerIdentification: string;
}

/** A client's connection from its first byte to the end of its login, in a process that decides nothing. */
export class Handshake {
  /** Settles when the connection has ended; never after `handOver`. */
  readonly ended: Promise<SshError>;
  readonly #transport: Transport;
  readonly #driver: StreamDriver;
  readonly #peer: Peer;
  readonly #openedMs = systemClock.now();

  /** @param socket - that nothing was read of yet. */
  constructor(socket: Socket, peer: Peer, hostKeys: readonly HostKey[], options: TransportSettings) {
    let settle: (error: SshError) => void = () => {};
    this.ended = new Promise((resolve) => {
      settle = resolve;
    });
    this.#peer = peer;
    this.#driver = adoptSocket(socket);
    this.#transport = new Transport({ ...transportOptions(this.#driver, peer, hostKeys, options), onEnd: settle });
    acknowledgeReads(this.#driver, options);
    this.#driver.drive(this.#transport);
  }

  /** Settles when the client may log in. Rejects with what ended the connection. */
  async finish(): Promise<HandshakeFacts> {
    const transport = this.#transport;
    await transport.handshake();
    return {
      sessionId: transport.sessionId,
      hostKeyBlob: transport.hostKey.blob,
      peerExtensions: [...transport.peerExtensions],
      peerIdentification: transport.peerIdentification,
    };
  }

  /** {@inheritDoc AuthLink.next} */
  next(): Promise<Buffer> {
    return this.#transport.next();
  }

  /** {@inheritDoc AuthLink.send} */
  send(payload: Uint8Array): void {
    this.#transport.send(payload);
  }

  fail(error: SshError): void {
    this.#transport.fail(error);
  }

  facts(): ConnectionFacts {
    const sources = { peer: this.#peer, transport: this.#transport, openedMs: this.#openedMs, login: undefined };
    return connectionFacts(sources, systemClock.now());
  }

  get traffic(): TransportTraffic {
    return this.#transport.traffic;
  }

  /**
   * Gives the connection away, once the client is logged in: all that was sent is on its way then, and this process's hold of the
   * socket is closed. Whoever has another descriptor of the socket goes on with `resumeClient`.
   *
   * @throws SshError `misuse` before the login's end.
   */
  async handOver(): Promise<TransportState> {
    // First of all: what is read after the state was taken would be lost.
    this.#driver.setReading(false);
    const state = this.#transport.exportState();
    await this.#driver.release();
    return state;
  }
}

/** The link of a login in one process to its handshake in another. */
export function linkOf(facts: HandshakeFacts, remote: Pick<AuthLink, 'send' | 'next'>): AuthLink {
  return {
    sessionId: Buffer.from(facts.sessionId),
    hostKey: decodePublicKey(facts.hostKeyBlob),
    peerExtensions: new Map(facts.peerExtensions.map(([name, value]) => [name, Buffer.from(value)])),
    peerIdentification: facts.peerIdentification,
    send: (payload) => remote.send(payload),
    next: () => remote.next(),
  };
}

/** What a client that was handed over is served by. */
export type ResumeSettings = ChannelSettings & TransportSettings & { readonly hostKeys: readonly HostKey[] };

/** A client that another process has logged in; the ages and the bytes are those since then. */
export interface ResumedClient {
  readonly connection: ServerConnection;
  facts(): ConnectionFacts;
  traffic(): TransportTraffic;
}

/**
 * Goes on with a client that another process has logged in.
 *
 * @param socket - another descriptor of the handshake's.
 * @throws SshError `misuse` or `bad-message` for a state that is none.
 */
export function resumeClient(
  socket: Socket,
  state: TransportState,
  login: ServerLogin,
  peer: Peer,
  options: ResumeSettings,
): ResumedClient {
  const driver = adoptSocket(socket);
  const { hostKeys } = options;
  const transport = Transport.restore(
    {
      ...transportOptions(driver, peer, hostKeys, options),
      onEnd: (error) => options.onDisconnect?.(error, peer),
    },
    state,
  );
  driver.drive(transport);
  const connection = beginChannels(transport, login, peer, driver.stream, hostKeys, options);
  const openedMs = systemClock.now();
  const sources = { peer, transport, openedMs, login: { connection, atMs: openedMs } };
  return {
    connection,
    facts: () => connectionFacts(sources, systemClock.now()),
    traffic: () => transport.traffic,
  };
}
