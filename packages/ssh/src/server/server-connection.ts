/** A client that is logged in, as a server's handlers see it. */
import type { Duplex } from 'node:stream';
import type { LoginSummary } from '../auth/index.ts';
import { Connection, type ConnectionOptions } from '../connection/index.ts';
import { disconnectReasons, SshError } from '../errors.ts';
import type { PublicKey } from '../keys/types.ts';
import type { NegotiatedAlgorithms, Transport } from '../transport/index.ts';
import type { Permissions } from '../trust/index.ts';
import type { Peer } from './peer.ts';

/** What answers the client, and what ends with it. */
export interface Wiring {
  readonly options: ConnectionOptions;
  onEnd(): void;
}

/** Who logged in, how, and what they may do. */
export type ServerLogin = LoginSummary & { readonly grant: Permissions };

/** A client that is logged in. */
export class ServerConnection {
  readonly peer: Peer;
  readonly user: string;
  /** The methods that logged it in, in order. */
  readonly methods: readonly string[];
  /** The keys that were proved, in order. */
  readonly keys: readonly PublicKey[];
  /** What this login may do: the limits of all its credentials together. */
  readonly permissions: Permissions;
  /** Settles when the connection has ended. Never rejects. */
  readonly closed: Promise<SshError>;
  readonly connection: Connection;
  /** What carries it: its packets are all that may be read and written there. */
  readonly stream: Duplex;
  readonly #transport: Transport;

  constructor(
    transport: Transport,
    login: ServerLogin,
    peer: Peer,
    stream: Duplex,
    createWiring: (connection: ServerConnection) => Wiring,
  ) {
    this.#transport = transport;
    this.peer = peer;
    this.stream = stream;
    this.user = login.user;
    this.methods = login.methods;
    this.keys = login.keys;
    this.permissions = login.grant;
    const { options, onEnd } = createWiring(this);
    this.connection = new Connection(transport, { ...options, roundTripMs: transport.roundTripMs });
    this.closed = new Promise((resolve) => {
      transport.attach({
        receive: (payload) => this.connection.receive(payload),
        onLinkReady: () => this.connection.onLinkReady(),
        end: (error) => {
          this.connection.end(error);
          onEnd();
          resolve(error);
        },
      });
    });
  }

  get algorithms(): NegotiatedAlgorithms | undefined {
    return this.#transport.negotiated;
  }

  /** The exchange hash of the first key exchange. */
  get sessionId(): Buffer {
    return this.#transport.sessionId;
  }

  /** Changes the keys now. */
  async rekey(): Promise<void> {
    await this.#transport.rekey();
  }

  /** Ends the connection, telling the client why. */
  fail(error: SshError): void {
    this.#transport.fail(error);
  }

  /** Ends the connection. */
  async close(reason = 'the server closed the connection'): Promise<void> {
    this.fail(
      new SshError(reason, { code: 'closed', stage: 'transport', disconnect: disconnectReasons.byApplication }),
    );
    await this.closed;
  }
}
