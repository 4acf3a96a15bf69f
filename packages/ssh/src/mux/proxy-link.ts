/** Proxy mode in a client: a link for the connection protocol without a transport below it, for the socket has two honest ends. */
import { type SshError, toSshError } from '../errors.ts';
import { maxConnectionWindowBytes } from '../limits.ts';
import type { Clock, ConnectionLink } from '../transport/link.ts';
import type { ConnectionHandler } from '../transport/transport.ts';
import type { FrameWriter } from './frame-writer.ts';
import { muxError } from './message.ts';
import { answerForMaster } from './unrouted-requests.ts';

export interface ProxyLinkOptions {
  readonly clock: Clock;
  readonly writer: FrameWriter;
  /** Whether the master hands on the answers to global requests. OpenSSH's own does not. */
  readonly routesReplies: boolean;
  /** Closes the socket. */
  readonly close: () => void;
}

/** How long a round trip is taken to be: too long is harmless, and what lies behind the master cannot be measured. */
const assumedRoundTripMs = 100;

export class ProxyLink implements ConnectionLink {
  readonly role = 'client';
  /** The server's is known to the master alone. */
  readonly peerIdentification = '';
  readonly #options: ProxyLinkOptions;
  #handler: ConnectionHandler | undefined;
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #ended: SshError | undefined;
  #unconfirmedOpens = 0;

  constructor(options: ProxyLinkOptions) {
    this.#options = options;
  }

  get ended(): SshError | undefined {
    return this.#ended;
  }

  /**
   * OpenSSH's master (10.0 as well) ends itself, and everybody's sessions, when a client goes that has asked for a channel which
   * was not granted: it wants to close it, and knows no number for it.
   */
  get endangersMaster(): boolean {
    return this.#unconfirmedOpens > 0 && !this.#options.routesReplies;
  }

  /** Whether it is a master of ours, which knows requests that OpenSSH's would cut us off for. */
  get takesRequests(): boolean {
    return this.#options.routesReplies;
  }

  /** {@inheritDoc ConnectionLink.ready} */
  get ready(): boolean {
    return this.#options.writer.ready;
  }

  /** From now on the messages go to `handler`; those that came before are handed over. */
  attach(handler: ConnectionHandler): void {
    this.#handler = handler;
    const early = this.#early;
    this.#early = [];
    for (const payload of early) this.#deliver(payload);
    if (this.#ended !== undefined) handler.end(this.#ended);
  }

  /** {@inheritDoc ConnectionLink.send} */
  send(head: Uint8Array, body?: Uint8Array): void {
    if (this.#ended !== undefined) return;
    if (head[0] === 90) this.#unconfirmedOpens++;
    if (head[0] === 80 && !this.#options.routesReplies) {
      const { message, reply } = answerForMaster(head);
      if (message !== undefined) this.#options.writer.sendPacket(message);
      // In a later turn, as any answer comes: whoever asks begins to wait after asking.
      if (reply !== undefined) queueMicrotask(() => this.#deliver(reply));
      return;
    }
    this.#options.writer.sendPacket(head, body);
  }

  /** {@inheritDoc ConnectionLink.ping} */
  ping(done: () => void): boolean {
    this.#options.clock.setTimer(assumedRoundTripMs, done);
    return true;
  }

  /** {@inheritDoc ConnectionLink.fail} */
  fail(error: SshError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#early = [];
    this.#options.writer.close();
    this.#handler?.end(error);
    this.#options.close();
  }

  /** Takes a packet of the master's, without its length. */
  takePacket(packet: Buffer): void {
    const paddingBytes = packet[0] ?? 0;
    if (packet.length < 2 + paddingBytes) throw muxError(`a packet of ${packet.length} bytes holds no message`);
    this.#deliver(packet.subarray(1, packet.length - paddingBytes));
  }

  /** The socket has room. */
  onReady(): void {
    if (this.#ended === undefined) this.#handler?.onLinkReady();
  }

  #deliver(payload: Buffer): void {
    if (this.#ended !== undefined) return;
    if (payload[0] === 91) this.#unconfirmedOpens--;
    if (this.#handler === undefined) {
      this.#earlyBytes += payload.length;
      if (this.#earlyBytes > maxConnectionWindowBytes) throw muxError('more came than anybody waits for');
      this.#early.push(payload);
      return;
    }
    try {
      this.#handler.receive(payload);
    } catch (error) {
      this.fail(toSshError(error, { code: 'protocol-error', stage: 'channel', side: 'peer' }));
    }
  }
}
