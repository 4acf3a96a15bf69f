/** The key exchanges of one connection: what they agreed on, when the next one is due, and that only one runs at a time. */
import { protocolError, type SshError } from '../errors.ts';
import type { PublicKey } from '../keys/types.ts';
import { maxBytesAwaitingRekeyReply, minRsaBits } from '../limits.ts';
import { type AlgorithmLists, logNegotiated, type NegotiatedAlgorithms, resolveAlgorithms } from './algorithms.ts';
import { kexTimedOut, limitExceeded, noStrictKex } from './endings.ts';
import { encodeExtInfo } from './ext-info.ts';
import { EarlyStart } from './kex/early-start.ts';
import { servableHostKeyAlgorithms } from './kex/server.ts';
import { exchangeKeys, type KeyExchangeHost, type NegotiatedFacts, type RoleOptions } from './key-exchange.ts';
import { Mailbox } from './mailbox.ts';
import type { TransportOptions } from './options.ts';
import type { Outbox } from './outbox.ts';
import type { PacketReader } from './packet-reader.ts';
import { type RekeyOptions, RekeyPolicy } from './rekey.ts';

const defaultKexTimeoutMs = 120_000;

/** What the exchanger needs of its transport. */
export interface ExchangerHost {
  readonly reader: PacketReader;
  readonly outbox: Outbox;
  readonly ownIdentification: string;
  /** Not known yet when the first exchange begins: our KEXINIT goes out together with our identification. */
  peerIdentification(): string;
  /** The conversation waits for a message: go on reading. */
  onWaiting(): void;
  /** The keys have served their time. */
  onTimeForRekey(): void;
  /** The connection must end. */
  fail(error: SshError): void;
  log(level: 1 | 2 | 3, text: string): void;
}

/**
 * Where it stands:
 *
 *   idle -> asked (our KEXINIT is sent, the peer's awaited) -> running (both are known) -> idle
 */
type ExchangeState = 'idle' | 'asked' | 'running';

export class Exchanger {
  /** The exchange hash of the first exchange. */
  sessionId: Buffer | undefined;
  hostKey: PublicKey | undefined;
  /** The host key's signature over the session id; an agent takes it as proof of what it is bound to. */
  hostKeySignature: Buffer | undefined;
  negotiated: NegotiatedAlgorithms | undefined;
  /** Strict key exchange is in force. */
  strict = false;
  /** A round trip that was measured on the way, in milliseconds: never shorter than the path's. */
  roundTripMs: number | undefined;
  /** Exchanges after the first. */
  rekeys = 0;
  /** Messages 20, 21 and 30 to 49. */
  readonly mail: Mailbox;
  readonly #options: TransportOptions;
  readonly #host: ExchangerHost;
  readonly #lists: AlgorithmLists;
  readonly #policy: RekeyPolicy;
  #state: ExchangeState = 'idle';
  #peerTakesExtInfo = false;
  #bytesSinceAsked = 0;
  #isStopped = false;
  #cancelTimer: () => void = () => {};
  readonly #early = new EarlyStart();

  constructor(options: TransportOptions, host: ExchangerHost) {
    this.#options = options;
    this.#host = host;
    this.mail = new Mailbox(() => host.onWaiting());
    this.#policy = new RekeyPolicy(options.rekey);
    const lists = resolveAlgorithms(options.role, options.algorithms);
    this.#lists =
      options.role === 'server'
        ? { ...lists, hostKey: servableHostKeyAlgorithms(options.hostKeys, lists.hostKey) }
        : lists;
  }

  get isIdle(): boolean {
    return this.#state === 'idle';
  }

  /** Runs one exchange. Rejects with what went wrong; the caller ends the connection. */
  async run(): Promise<void> {
    const isFirst = this.sessionId === undefined;
    this.#state = 'asked';
    this.#bytesSinceAsked = 0;
    this.#host.outbox.hold();
    this.#cancelTimer();
    if (!isFirst) this.#host.log(1, 'SSH2_MSG_KEXINIT sent');
    const cancelDeadline = isFirst ? () => {} : this.startDeadline(this.#kexTimeoutMs);
    try {
      // A verifier or an agent that never answers must not keep whoever waits for us beyond the connection's end.
      const result = await Promise.race([exchangeKeys(this.#exchangeHost(isFirst)), this.mail.ended]);
      this.sessionId ??= result.exchangeHash;
      this.hostKey ??= result.hostKey;
      this.hostKeySignature ??= result.signature;
      this.#state = 'idle';
    } finally {
      cancelDeadline();
    }
    // Before login there is no rekey; `loggedIn` sets the clock for the first.
    if (isFirst) return;
    this.rekeys++;
    this.#setTimer();
  }

  /** Other thresholds from now on; the clock starts anew with the next keys. */
  setRekeyLimits(options: RekeyOptions): void {
    this.#policy.setLimits(options);
  }

  /** The peer's time to finish an exchange; the first one's reaches to the agreement on a service, and is the transport's. */
  startDeadline(timeoutMs = this.#options.handshakeTimeoutMs ?? this.#kexTimeoutMs): () => void {
    if (timeoutMs === 0) return () => {};
    return this.#options.clock.setTimer(timeoutMs, () => this.#host.fail(kexTimedOut(timeoutMs)));
  }

  /** The peer has said who it is: the client's first value may be made before its KEXINIT is here. */
  expect(peerIdentification: string): void {
    if (this.#options.role === 'server') return;
    this.#options.sink.defer(() => {
      if (!this.#isStopped && this.negotiated === undefined) this.#early.begin(this.#lists.kex, peerIdentification);
    });
  }

  /** The peer's KEXINIT came after login: it begins an exchange, or answers ours. Gives what `run` gives. */
  acceptKexInit(): Promise<void> | undefined {
    const running = this.#state === 'idle' ? this.run() : undefined;
    this.#state = 'running';
    return running;
  }

  /** Login is done: compression begins if it was agreed on (PROTOCOL §1.2), and so does the time until the next exchange. */
  loggedIn(): void {
    const { negotiated } = this;
    if (negotiated === undefined) return;
    const { clientToServer, serverToClient } = negotiated;
    const [out, into] =
      this.#options.role === 'client' ? [clientToServer, serverToClient] : [serverToClient, clientToServer];
    this.#host.outbox.writer.setCompression(out.compression !== 'none');
    this.#host.reader.setCompression(into.compression !== 'none');
    this.#setTimer();
  }

  /** Takes up what another process agreed on. */
  restore(facts: {
    sessionId: Buffer;
    hostKey: PublicKey;
    hostKeySignature: Buffer;
    strict: boolean;
    negotiated: NegotiatedAlgorithms;
  }): void {
    this.sessionId = facts.sessionId;
    this.hostKey = facts.hostKey;
    this.hostKeySignature = facts.hostKeySignature;
    this.strict = facts.strict;
    this.negotiated = facts.negotiated;
    this.#policy.setCiphers(facts.negotiated.clientToServer.cipher, facts.negotiated.serverToClient.cipher);
  }

  /** Whether so much went under these keys that new ones are due. */
  get isDue(): boolean {
    return (
      this.#state === 'idle' && !this.#isStopped && this.#policy.isDue(this.#host.outbox.writer, this.#host.reader)
    );
  }

  /** Bytes of a peer that has not answered our KEXINIT yet: what was in flight is bounded by what a path can hold. */
  countReceived(byteCount: number): void {
    if (this.#state !== 'asked') return;
    this.#bytesSinceAsked += byteCount;
    if (this.#bytesSinceAsked > maxBytesAwaitingRekeyReply) {
      throw limitExceeded(`no answer to a KEXINIT within ${maxBytesAwaitingRekeyReply} bytes`);
    }
  }

  /** No timer fires and no exchange begins any more. */
  stop(error?: SshError): void {
    this.#isStopped = true;
    this.#cancelTimer();
    if (error !== undefined) this.mail.end(error);
  }

  get #kexTimeoutMs(): number {
    return this.#options.kexTimeoutMs ?? defaultKexTimeoutMs;
  }

  #exchangeHost(isFirst: boolean): KeyExchangeHost {
    const { reader, outbox } = this.#host;
    return {
      lists: this.#lists,
      ownIdentification: this.#host.ownIdentification,
      peerIdentification: () => this.#host.peerIdentification(),
      sessionId: this.sessionId,
      hostKey: this.hostKey,
      role: this.#roleOptions(),
      send: (payload) => outbox.sendNow(payload),
      now: () => this.#options.clock.now(),
      onRoundTrip: (ms) => {
        this.roundTripMs = ms;
      },
      next: () => this.mail.next(),
      prepared: (method) => this.#early.take(method),
      log: this.#options.log,
      onHostKeyOffer: (algorithms) => {
        if (isFirst && this.#options.role === 'client') this.#options.onHostKeyOffer?.(algorithms);
      },
      onNegotiated: (facts) => this.#onNegotiated(facts, isFirst),
      protectOutgoing: (sealer, algorithms) => {
        this.#host.log(1, `rekey out after ${this.#policy.blocks(algorithms.cipher)} blocks`);
        this.#host.log(1, 'SSH2_MSG_NEWKEYS sent');
        outbox.writer.setProtection(sealer, this.strict);
        if (isFirst && this.#peerTakesExtInfo) outbox.sendNow(this.#ownExtInfo());
        if (!isFirst) outbox.writer.setCompression(algorithms.compression !== 'none');
        outbox.release();
      },
      protectIncoming: (opener, algorithms) => {
        this.#host.log(1, 'SSH2_MSG_NEWKEYS received');
        this.#host.log(1, `rekey in after ${this.#policy.blocks(algorithms.cipher)} blocks`);
        reader.setProtection(opener, this.strict);
        if (!isFirst) reader.setCompression(algorithms.compression !== 'none');
      },
    };
  }

  #roleOptions(): RoleOptions {
    const options = this.#options;
    return options.role === 'client'
      ? { name: 'client', verifyHostKey: options.verifyHostKey, requiredRsaBits: options.requiredRsaBits ?? minRsaBits }
      : { name: 'server', hostKeys: options.hostKeys, moduli: options.moduli ?? [] };
  }

  #ownExtInfo(): Buffer {
    const { role } = this.#options;
    return encodeExtInfo(role, this.#options.role === 'server' ? this.#options.signatureAlgorithms : []);
  }

  #onNegotiated(facts: NegotiatedFacts, isFirst: boolean): void {
    const { negotiated } = facts;
    this.negotiated = negotiated;
    this.#policy.setCiphers(negotiated.clientToServer.cipher, negotiated.serverToClient.cipher);
    logNegotiated(negotiated, this.#options.role, (text) => this.#host.log(1, text));
    if (!isFirst) return;
    this.#peerTakesExtInfo = facts.peerTakesExtInfo;
    this.strict = facts.strict;
    if (this.#options.requireStrictKex && !facts.strict) throw noStrictKex();
    // Terrapin slips packets in before the KEXINIT, so that as many can be cut off after the NEWKEYS.
    if (facts.strict && this.#host.reader.sequence !== 1) {
      throw protocolError('kex', 'under strict key exchange the first packet must be KEXINIT');
    }
  }

  #setTimer(): void {
    this.#cancelTimer();
    const { ms } = this.#policy;
    if (ms === 0 || this.#isStopped) return;
    this.#cancelTimer = this.#options.clock.setTimer(ms, () => this.#host.onTimeForRekey());
  }
}
