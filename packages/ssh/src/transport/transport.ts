/** The transport protocol (RFC 4253) without a socket: bytes in, messages out, for one connection. */
import { disconnectReasons, protocolError, type SshError, toSshError } from '../errors.ts';
import type { PublicKey } from '../keys/types.ts';
import { socketHighWaterBytes } from '../limits.ts';
import type { NegotiatedAlgorithms } from './algorithms.ts';
import { BeforeAuth } from './before-auth.ts';
import { connectionLost, describePhase, disconnectedByPeer, encodeDisconnect, misuse } from './endings.ts';
import { Exchanger } from './exchanger.ts';
import { PeerExtensions } from './ext-info.ts';
import { formatIdentification, IdentificationReader } from './identification.ts';
import type { AuthLink, ConnectionLink } from './link.ts';
import { extensionLines, identificationLines, readDebug } from './log-lines.ts';
import { answerServiceRequest, loginServiceRequest, requireLoginService } from './login-service.ts';
import { Mailbox } from './mailbox.ts';
import {
  debug,
  disconnect,
  extInfo,
  ignore,
  kexInit,
  newKeys,
  ping,
  pong,
  serviceRequest,
  unimplemented,
} from './messages.ts';
import type { TransportOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import { PacketReader } from './packet-reader.ts';
import { messageName, type Phase, type Role, verdictFor } from './phase.ts';
import { answerPing, Pings } from './pings.ts';
import type { RekeyOptions } from './rekey.ts';
import { exportParts, importParts, requireExportable, type TransportParts, type TransportState } from './state.ts';
import type { TransportTraffic } from './traffic.ts';

/** Unread input beyond this stops the socket while a conversation thinks. */
const unreadHighWaterBytes = 128 * 1024;
/** RFC 4252's number: the one message of login that the transport itself acts on. */
const userauthSuccess = 52;

/** An empty string. */
const noIgnoredData = Buffer.alloc(4);

/** Who takes the messages of the connection protocol. */
export interface ConnectionHandler {
  receive(payload: Buffer): void;
  onLinkReady(): void;
  end(error: SshError): void;
}

/**
 * One connection's transport. `handshake()` runs to the point where login begins; `attach()` gives it the connection
 * protocol after login. Whatever the peer does wrong ends it through `onEnd`; nothing is thrown into the caller of
 * `receive()`.
 */
export class Transport implements AuthLink, ConnectionLink {
  readonly role: Role;
  readonly ownIdentification: string;
  peerIdentification = '';
  readonly #options: TransportOptions;
  readonly #reader = new PacketReader();
  readonly #outbox: Outbox;
  readonly #exchanger: Exchanger;
  readonly #extensions = new PeerExtensions();
  readonly #authMail = new Mailbox(() => this.#pump());
  #identification: IdentificationReader | undefined;
  #phase: Phase = 'first-kexinit';
  /** The end of the rekey that runs, or of the last one. */
  #rekeyed: Promise<void> = Promise.resolve();
  readonly #beforeAuth = new BeforeAuth();
  #handler: ConnectionHandler | undefined;
  readonly #pings = new Pings();
  #isReading = true;
  #receivedBytes = 0;
  #isPumping = false;
  /** Handed over to another process: nothing is read, sent or ended any more. */
  #isExported = false;
  #ended: SshError | undefined;

  constructor(options: TransportOptions) {
    this.role = options.role;
    this.#options = options;
    this.#outbox = new Outbox(options.sink, {
      onReady: () => this.#handler?.onLinkReady(),
      onOverflow: (error) => void this.#endWith(error),
      onFlushed: () => this.#rekeyIfDue(),
      onPacket: options.logPackets ? (number) => this.#log(3, `send packet: type ${number}`) : undefined,
    });
    this.ownIdentification = formatIdentification(options.version, options.versionAddendum);
    this.#exchanger = new Exchanger(options, {
      reader: this.#reader,
      outbox: this.#outbox,
      ownIdentification: this.ownIdentification,
      peerIdentification: () => this.peerIdentification,
      onWaiting: () => this.#pump(),
      onTimeForRekey: () => void this.rekey().catch(() => {}),
      fail: (error) => void this.#endWith(error),
      log: (level, text) => this.#log(level, text),
    });
    this.#identification = new IdentificationReader(options.role, options.onNotice);
  }

  /** Takes up a connection that another process exported after login. */
  static restore(options: TransportOptions, state: TransportState): Transport {
    const transport = new Transport(options);
    transport.#restore(state);
    return transport;
  }

  /** {@inheritDoc AuthLink.sessionId} */
  get sessionId(): Buffer {
    return requireKnown(this.#exchanger.sessionId, 'session id');
  }

  /** {@inheritDoc AuthLink.hostKey} */
  get hostKey(): PublicKey {
    return requireKnown(this.#exchanger.hostKey, 'host key');
  }

  /** The server's signature over the session id, from the first key exchange: what binds an agent to this connection. */
  get hostKeySignature(): Buffer {
    return requireKnown(this.#exchanger.hostKeySignature, 'host key signature');
  }

  get negotiated(): NegotiatedAlgorithms | undefined {
    return this.#exchanger.negotiated;
  }

  /** {@inheritDoc AuthLink.peerExtensions} */
  get peerExtensions(): ReadonlyMap<string, Buffer> {
    return this.#extensions.all;
  }

  /** A round trip seen in the handshake, in milliseconds; never shorter than the path's. */
  get roundTripMs(): number | undefined {
    return this.#exchanger.roundTripMs;
  }

  get traffic(): TransportTraffic {
    const { rekeys } = this.#exchanger;
    return { bytesReceived: this.#receivedBytes, bytesSent: this.#outbox.writer.sentBytes, rekeys };
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Why it ended, once it has. */
  get ended(): SshError | undefined {
    return this.#ended;
  }

  /**
   * Identification, first key exchange, and agreement on the login service. Rejects with the error that ended it.
   *
   * @param firstRequest - makes a client's first login request, once the keys are agreed on. It goes out with the request for the
   *   service and not a round trip later: the server is known by then, so its answer need not be awaited (RFC 4253 §10).
   */
  async handshake(firstRequest?: () => Uint8Array): Promise<void> {
    if (this.#ended) throw this.#ended;
    this.#outbox.sendRaw(Buffer.from(`${this.ownIdentification}\r\n`, 'latin1'));
    this.#log(1, `Local version string ${this.ownIdentification}`);
    const cancelDeadline = this.#exchanger.startDeadline();
    try {
      await this.#finishExchange(this.#exchanger.run());
      if (this.role === 'client') {
        const request = firstRequest?.();
        const sentMs = this.#options.clock.now();
        this.send(loginServiceRequest);
        if (request !== undefined) this.send(request);
        requireLoginService(await this.#authMail.next());
        // The answer to the request comes in a packet of its own, which a server with Nagle's algorithm on (OpenSSH's) holds back until
        // the one before is acknowledged. That goes at once with whatever is sent, and alone up to 40 ms later.
        if (request !== undefined) this.#sendNothing();
        this.#log(2, 'service_accept: ssh-userauth');
        this.#log(1, 'SSH2_MSG_SERVICE_ACCEPT received');
        this.#exchanger.roundTripMs = this.#options.clock.now() - sentMs;
      } else {
        this.send(answerServiceRequest(await this.#authMail.next()));
      }
    } catch (error) {
      throw this.#endWith(error);
    } finally {
      cancelDeadline();
    }
    this.#phase = 'auth';
  }

  /** Login is done on both sides: from now on messages of the connection protocol go to `handler`. */
  attach(handler: ConnectionHandler): void {
    this.#handler = handler;
    if (this.#ended) handler.end(this.#ended);
    else queueMicrotask(() => this.#pump());
  }

  /** How much of so many bytes the next read should take, so that it ends where a packet does. */
  nextReadBytes(mostBytes: number): number {
    return this.#reader.nextReadBytes(mostBytes);
  }

  /** Takes bytes from the peer; they may be overwritten after the call. */
  receive(chunk: Buffer): void {
    if (this.#ended || this.#isExported) return;
    this.#receivedBytes += chunk.length;
    try {
      this.#count(chunk.length);
      const packets = this.#takeIdentification(chunk);
      if (packets !== undefined) {
        this.#reader.feed(packets);
        this.#pump();
      }
    } catch (error) {
      this.#endWith(error);
    } finally {
      this.#reader.settle();
      this.#outbox.flush();
    }
    this.#rekeyIfDue();
    this.#steerReading();
  }

  /** The peer closed its side, or the socket failed. */
  receiveEnd(cause?: unknown): void {
    this.#endWith(connectionLost(this.peerIdentification !== '', cause));
  }

  /** The sink has room again. */
  onDrain(): void {
    this.#outbox.onDrain();
  }

  /** {@inheritDoc AuthLink.next} */
  next(): Promise<Buffer> {
    return this.#authMail.next();
  }

  /** {@inheritDoc ConnectionLink.ready} */
  get ready(): boolean {
    return this.#outbox.ready;
  }

  /** {@inheritDoc ConnectionLink.limitQueue} */
  limitQueue(byteCount?: number): void {
    this.#outbox.highWaterBytes = byteCount ?? socketHighWaterBytes;
    this.#options.sink.shareTurns?.(byteCount !== undefined);
  }

  /** {@inheritDoc ConnectionLink.flush} */
  flush(): void {
    if (!this.#ended && !this.#isExported) this.#outbox.flush();
  }

  /** {@inheritDoc ConnectionLink.send} */
  send(head: Uint8Array, body?: Uint8Array): void {
    if (this.#ended || this.#isExported) return;
    this.#outbox.send(head, body);
    // The server's side is logged in from the packet on that says so.
    if (head[0] === userauthSuccess && this.role === 'server' && this.#phase === 'auth') this.#enterConnectionPhase();
  }

  /** {@inheritDoc ConnectionLink.ping} */
  ping(done: () => void, data?: Buffer): boolean {
    if (!this.peerExtensions.has('ping@openssh.com') || this.#phase !== 'connection') return false;
    this.send(this.#pings.encode(done, data));
    return true;
  }

  /** {@inheritDoc ConnectionLink.nudge} */
  nudge(): void {
    if (this.#phase === 'connection') this.#sendNothing();
  }

  #sendNothing(): void {
    this.send(ignore.encode({ data: noIgnoredData }));
  }

  /**
   * Changes the keys now; a change that is under way counts. Resolves when both directions use the new ones; rejects with the
   * error that ended the connection.
   */
  async rekey(): Promise<void> {
    if (this.#isExported) throw misuse('the transport was handed over; its new owner changes the keys');
    if (this.#phase !== 'connection' && this.#phase !== 'rekey') return;
    if (this.#exchanger.isIdle) this.#followRekey(this.#exchanger.run());
    await this.#rekeyed;
  }

  /** Other limits for the life of keys, before login is done: they may depend on who logs in. */
  setRekeyLimits(limits: RekeyOptions): void {
    this.#exchanger.setRekeyLimits(limits);
  }

  /** Ends the connection, telling the peer why. */
  fail(error: SshError): void {
    this.#endWith(error);
  }

  /**
   * Gives the whole state away and stops: to be called after login, before `attach`. Whoever restores it owns the socket.
   *
   * @throws SshError `misuse` during a key exchange, before login, after `attach` or the end, a second time, or with a
   *   compression context in use.
   */
  exportState(): TransportState {
    const parts = this.#parts();
    if (this.#ended) throw misuse(`a transport that has ended cannot be handed over: ${this.#ended.message}`);
    // Two owners of one state would seal different packets under the same key and nonce.
    if (this.#isExported) throw misuse('a transport can be handed over once');
    if (this.#phase !== 'connection') throw misuse('a transport can be handed over after login only');
    if (this.#handler) throw misuse('a transport that serves a connection already cannot be handed over');
    requireExportable(parts);
    // First of all: the last flush must not begin a key exchange.
    this.#isExported = true;
    this.#outbox.close();
    this.#exchanger.stop();
    return exportParts(parts);
  }

  #restore(state: TransportState): void {
    const parts = this.#parts();
    importParts(parts, state);
    this.peerIdentification = parts.peerIdentification;
    this.#identification = undefined;
    this.#enterConnectionPhase();
  }

  #parts(): TransportParts {
    const { role, ownIdentification, peerIdentification } = this;
    const own = { role, ownIdentification, peerIdentification, extensions: this.#extensions };
    return { ...own, exchanger: this.#exchanger, reader: this.#reader, writer: this.#outbox.writer };
  }

  #takeIdentification(chunk: Buffer): Buffer | undefined {
    if (this.#identification === undefined) return chunk;
    const found = this.#identification.read(chunk);
    if (found === undefined) return undefined;
    this.#identification = undefined;
    this.peerIdentification = found.identification;
    for (const line of identificationLines(found.identification)) this.#log(1, line);
    this.#options.onIdentified?.();
    this.#exchanger.expect(found.identification);
    // It went out together with our identification; told here, where a reader of the log expects it.
    this.#log(1, 'SSH2_MSG_KEXINIT sent');
    return chunk.subarray(found.consumed);
  }

  /** What an unknown peer, or one that ignores our KEXINIT, may send in all. */
  #count(byteCount: number): void {
    if (this.#phase !== 'connection' && this.#phase !== 'rekey') this.#beforeAuth.countBytes(byteCount);
    else this.#exchanger.countReceived(byteCount);
  }

  /** Opens and hands on packets until a conversation must answer first, or bytes run out. */
  #pump(): void {
    if (this.#isPumping || this.#identification !== undefined) return;
    this.#isPumping = true;
    try {
      while (!this.#isBlocked()) {
        const payload = this.#reader.next();
        if (payload === undefined) break;
        this.#handle(payload);
      }
    } catch (error) {
      this.#endWith(error);
    } finally {
      this.#isPumping = false;
    }
    this.#steerReading();
  }

  /** While a conversation thinks about a message, no later one may overtake it. */
  #isBlocked(): boolean {
    if (this.#ended !== undefined || this.#isExported) return true;
    switch (this.#phase) {
      case 'first-kexinit':
      case 'first-kex':
      case 'rekey':
        return !this.#exchanger.mail.waiting;
      case 'service':
      case 'auth':
        return !this.#authMail.waiting;
      case 'connection':
        return this.#handler === undefined;
    }
  }

  #handle(payload: Buffer): void {
    const number = payload[0] as number;
    if (this.#options.logPackets) this.#log(3, `receive packet: type ${number}`);
    const verdict = verdictFor(this.role, this.#phase, number, this.#exchanger.strict);
    if (this.#phase !== 'connection' && this.#phase !== 'rekey') this.#beforeAuth.countPacket();
    if (verdict === 'accept') {
      if (number >= 80 && number <= 127) this.#handler?.receive(payload);
      else this.#accept(number, payload);
    } else if (verdict === 'unimplemented') {
      this.#log(2, `message ${number} is unknown here: answering UNIMPLEMENTED`);
      this.#outbox.reply(unimplemented.encode({ sequence: (this.#reader.sequence - 1) >>> 0 }));
    } else if (verdict === 'refuse') {
      throw protocolError(
        'transport',
        `${messageName(number)} (message ${number}) may not come ${describePhase(this.#phase)}`,
      );
    }
  }

  #accept(number: number, payload: Buffer): void {
    switch (number) {
      case disconnect.number:
        throw disconnectedByPeer(payload);
      case ignore.number:
        return;
      case unimplemented.number:
        this.#log(2, `the peer does not know our message ${unimplemented.decode(payload).sequence}`);
        return;
      case debug.number:
        this.#acceptDebug(payload);
        return;
      case extInfo.number:
        this.#acceptExtInfo(payload);
        return;
      case kexInit.number:
        this.#acceptKexInit(payload);
        return;
      case ping.number:
        this.#outbox.reply(answerPing(payload));
        return;
      case pong.number:
        this.#pings.acceptPong(payload);
        return;
      case serviceRequest.number:
        // The first is the conversation's, which awaits it; a later one is answered again.
        if (this.#phase === 'auth') this.#outbox.reply(answerServiceRequest(payload));
        else this.#authMail.deliver(payload);
        return;
      case userauthSuccess:
        // Whatever follows is of the connection protocol already, and compressed (PROTOCOL §1.2).
        this.#enterConnectionPhase();
        this.#authMail.deliver(payload);
        return;
    }
    const mail = number === newKeys.number || (number >= 30 && number <= 49) ? this.#exchanger.mail : this.#authMail;
    mail.deliver(payload);
  }

  #acceptDebug(payload: Buffer): void {
    const { text, alwaysDisplay } = readDebug(payload);
    this.#log(1, `Remote: ${text}`);
    if (alwaysDisplay) this.#options.onNotice?.(text);
  }

  #acceptExtInfo(payload: Buffer): void {
    const isFirstPacket = this.#reader.packetsSinceKeys === 1;
    const extensions = this.#extensions.accept(payload, this.#phase === 'auth', isFirstPacket);
    for (const line of extensionLines(extensions)) this.#log(1, line);
  }

  #acceptKexInit(payload: Buffer): void {
    if (this.#phase === 'first-kexinit') {
      this.#phase = 'first-kex';
    } else {
      this.#phase = 'rekey';
      // Where it answers a KEXINIT of ours, whoever sent that one waits for the end.
      const begun = this.#exchanger.acceptKexInit();
      if (begun !== undefined) this.#followRekey(begun);
    }
    this.#exchanger.mail.deliver(payload);
  }

  #followRekey(exchange: Promise<void>): void {
    this.#rekeyed = this.#finishExchange(exchange);
    // Whoever began it may have no interest in its end, which ends the connection anyway.
    this.#rekeyed.catch(() => {});
  }

  async #finishExchange(exchange: Promise<void>): Promise<void> {
    try {
      await exchange;
      this.#phase = this.#phase === 'first-kex' ? 'service' : 'connection';
      queueMicrotask(() => this.#pump());
    } catch (error) {
      throw this.#endWith(error);
    }
  }

  #enterConnectionPhase(): void {
    this.#phase = 'connection';
    this.#exchanger.loggedIn();
  }

  #rekeyIfDue(): void {
    if (this.#phase === 'connection' && !this.#ended && this.#exchanger.isDue) void this.rekey().catch(() => {});
  }

  /** Unread input piles up only while a conversation thinks; the peer waits then. */
  #steerReading(): void {
    const wantsMore = this.#reader.bufferedBytes < unreadHighWaterBytes || !this.#isBlocked();
    if (wantsMore === this.#isReading || this.#ended) return;
    this.#isReading = wantsMore;
    this.#options.sink.setReading(wantsMore);
  }

  #endWith(cause: unknown): SshError {
    if (this.#ended) return this.#ended;
    const error = toSshError(cause, {
      code: 'protocol-error',
      stage: 'transport',
      disconnect: disconnectReasons.protocolError,
    });
    if (this.#isExported) return error;
    this.#ended = error;
    const peerIsGone = error.code === 'disconnected' || error.code === 'connection-lost';
    if (!peerIsGone && this.peerIdentification !== '') this.#outbox.sendNow(encodeDisconnect(error));
    this.#outbox.close();
    this.#exchanger.stop(error);
    this.#authMail.end(error);
    this.#handler?.end(error);
    this.#options.sink.end();
    this.#options.onEnd?.(error);
    return error;
  }

  #log(level: 1 | 2 | 3, text: string): void {
    this.#options.log?.(level, text);
  }
}

function requireKnown<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw misuse(`there is no ${what} before the first key exchange`);
  return value;
}
