/** One channel of a connection (RFC 4254 §5): its state, its windows, its queue; knows neither streams nor types. */

import { protocolError, type SshError } from '../errors.ts';
import type { Clock, ConnectionLink } from '../transport/link.ts';
import type { ChannelSubject } from './channel-facts.ts';
import { ChannelSender } from './channel-sender.ts';
import { type ChannelSink, type ChannelState, closedError } from './channel-sink.ts';
import { EarlySink } from './early-sink.ts';
import { KeystrokePacer } from './keystroke-pacer.ts';
import { channelFailure, channelRequest, channelSuccess, windowAdjustBytes, writeWindowAdjust } from './messages.ts';
import { abortedError, type IncomingRequest, PendingReplies, RequestQueue } from './request-queue.ts';
import type { Scheduler } from './scheduler.ts';
import type { Sent } from './send-queue.ts';
import type { TypingWatch } from './typing-watch.ts';
import { ReceiveWindow, type SendWindow, type WindowBudget } from './window.ts';
import type { Growable, WindowGrowth } from './window-growth.ts';

/** What a channel needs of its connection. */
export interface ChannelHost {
  readonly link: ConnectionLink;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly budget: WindowBudget;
  readonly growth: WindowGrowth;
  readonly typing: TypingWatch;
  readonly maxWindowBytes: number;
  readonly maxPendingRequests: number;
  /** Sends an answer to the peer, counted against what may be queued for a peer that does not read. */
  reply(payload: Buffer): void;
  onHandlerError(error: unknown): void;
  /** What the channel is for has become known. */
  purposeKnown(channel: Channel): void;
  /** The channel is closed on the wire. */
  released(channel: Channel): void;
}

export interface ChannelInit {
  id: number;
  type: string;
  windowBytes: number;
  maxPacketBytes: number;
  /** Small writes go before the bulk of other channels. */
  interactive?: boolean | undefined;
  label?: string | undefined;
  subject?: ChannelSubject | undefined;
}

const adjustMessage = Buffer.alloc(windowAdjustBytes);

/** A channel. Applications use it through a ChannelStream or a session; forwarders and sftp may use it directly. */
export class Channel implements Growable {
  readonly id: number;
  readonly type: string;
  /** What logs and lists call it: where a forwarded connection comes from and leads to. */
  label: string;
  /** What the channel is for, for lists. */
  subject: ChannelSubject | undefined;
  /** When it was made, on the connection's clock. */
  readonly openedMs: number;
  /** Called for all data, in either direction. */
  onActivity: (() => void) | undefined;
  /** Called when `abort` closes the channel from this side, before the peer has answered: it may take its time. */
  onAbort: ((error: SshError) => void) | undefined;
  /** The peer's number for this channel. */
  remoteId = 0;
  readonly receiveWindow: ReceiveWindow;
  /** Settles when the channel is closed, with the error that ended it if one did. Never rejects. */
  readonly closed: Promise<SshError | undefined>;
  readonly #host: ChannelHost;
  readonly #sender: ChannelSender;
  readonly #requests: RequestQueue;
  readonly #replies = new PendingReplies();
  #state: ChannelState = 'opening';
  #interactive = false;
  #purpose: string | undefined;
  #sink: ChannelSink;
  #settleClosed: (error: SshError | undefined) => void = () => {};

  constructor(host: ChannelHost, init: ChannelInit) {
    this.#host = host;
    this.id = init.id;
    this.type = init.type;
    this.label = init.label ?? init.type;
    this.subject = init.subject;
    this.openedMs = host.clock.now();
    this.receiveWindow = new ReceiveWindow(init.windowBytes, init.maxPacketBytes);
    this.#sink = new EarlySink();
    this.#sender = new ChannelSender(this, host.link, host.scheduler);
    this.#requests = new RequestQueue(
      {
        handle: (request) => this.#sink.request?.(request) ?? false,
        reply: (answer) => this.#answer(answer !== false),
        fail: (error) => host.link.fail(error),
        onHandlerError: (error) => host.onHandlerError(error),
        limit: host.maxPendingRequests,
      },
      true,
    );
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    if (init.interactive) this.beginTyping();
  }

  get state(): ChannelState {
    return this.#state;
  }

  /** Small writes go before the bulk of other channels, which has less on its way as long as this one stands. */
  get interactive(): boolean {
    return this.#interactive;
  }

  /** Somebody types here: the channel is interactive from now on. */
  beginTyping(): void {
    if (this.#interactive || this.#state === 'closed') return;
    this.#interactive = true;
    this.#host.typing.begin(this);
  }

  /** What a session runs, for ChannelTimeout: `shell`, `command`, `subsystem:sftp`. */
  get purpose(): string | undefined {
    return this.#purpose;
  }

  set purpose(purpose: string | undefined) {
    this.#purpose = purpose;
    if (this.#isLive()) this.#host.purposeKnown(this);
  }

  /** Data waiting to be handed to the link. */
  get queuedBytes(): number {
    return this.#sender.queuedBytes;
  }

  /** What the peer's window still takes. */
  get sendCredit(): number {
    return this.#sender.credit;
  }

  /** Bytes of data handed to the link so far. */
  get sentBytes(): number {
    return this.#sender.window.sent;
  }

  /** The error of a write now, or undefined while data may be written. */
  get writeError(): SshError | undefined {
    if (this.#state === 'open' || this.#state === 'eof-received') return this.#sender.endedError;
    return closedError('before the write');
  }

  /** Says who takes the events. What came before is delivered now, in order. */
  attach(sink: ChannelSink): void {
    const early = this.#sink;
    this.#sink = sink;
    // Whoever attaches from a constructor is whole only after it.
    if (this.#requests.waiting > 0) queueMicrotask(() => this.#requests.release());
    else this.#requests.release();
    if (early instanceof EarlySink) early.replay(sink, (byteCount) => this.consumed(byteCount));
  }

  /** The consumer took so many bytes; gives the peer window for as many, in few messages. */
  consumed(byteCount: number): void {
    const window = this.receiveWindow;
    const sizeBefore = window.size;
    this.#adjust(window.consume(byteCount));
    if (window.size < sizeBefore) this.#host.budget.shrink(sizeBefore - window.size);
  }

  /**
   * Queues data; the chunk must stay unchanged until `sent` is called.
   *
   * @param kind - `stderr` goes out as extended data; the order between the two is kept. A `datagram` is one message of its own,
   *   and is dropped where the peer takes none of its size.
   * @param sent - called once all bytes were handed to the link, or with the error that kept them from it.
   */
  write(chunk: Buffer, kind: 'data' | 'stderr' | 'datagram' = 'data', sent?: Sent): void {
    const error = this.writeError;
    if (error !== undefined) sent?.(error);
    else this.#sender.push(kind, chunk, sent);
  }

  /** Sends EOF after all queued data. Reading goes on. */
  end(sent?: Sent): void {
    if (this.writeError !== undefined) sent?.();
    else this.#sender.push('eof', noBytes, sent);
  }

  /** Sends CLOSE after all that is queued, and EOF before it. */
  close(): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.end();
    if (this.#isLive()) this.#sender.push('close', noBytes);
  }

  /** Sends CLOSE now and drops what is queued. Does nothing on a channel that is not open. */
  abort(error?: SshError): void {
    if (this.#state === 'opening' || this.#state === 'closing' || this.#state === 'closed') return;
    const reason = () => error ?? closedError('locally');
    this.#sender.sendClose(reason);
    if (this.onAbort !== undefined) this.onAbort(reason());
  }

  /**
   * Sends a channel request and waits for its answer.
   *
   * @returns whether the peer granted it.
   * @throws SshError `closed` when the channel is or gets closed, `aborted` by the signal.
   */
  async request(type: string, data: Uint8Array, options: { signal?: AbortSignal | undefined } = {}): Promise<boolean> {
    if (options.signal?.aborted) throw abortedError(options.signal, `channel request ${type}`);
    this.#requireOpen(type);
    const answer = this.#replies.wait(options.signal);
    this.#host.link.send(this.#encodeRequest(type, data, true));
    return (await answer) !== false;
  }

  /** Sends a channel request that wants no reply, now: ahead of queued data. Does nothing on a closed channel. */
  notify(type: string, data: Uint8Array): void {
    if (this.#isLive()) this.#host.link.send(this.#encodeRequest(type, data, false));
  }

  /** Sends a channel request that wants no reply after all that is queued, as exit-status must. */
  notifyInOrder(type: string, data: Uint8Array): void {
    if (this.#isLive()) this.#sender.push('message', this.#encodeRequest(type, data, false));
  }

  /** The peer reads no more (eow@openssh.com): queued data is dropped without an error, then EOF is sent. */
  dropOutput(): void {
    if (!this.#isLive()) return;
    this.#sender.dropData();
    this.end();
  }

  /** Sends small writes at a fixed pace and fake ones between them, so that nobody on the way sees when keys are pressed. */
  obscureKeystrokes(intervalMs: number): void {
    const { link, clock } = this.#host;
    this.#sender.pacer = new KeystrokePacer(
      {
        clock,
        isReady: () => link.ready,
        sendChaff: () => void link.ping(ignorePong, chaffData),
        release: () => this.#sender.wake(),
      },
      intervalMs,
    );
  }

  growWindow(bytes: number): void {
    this.resizeWindow(Math.min(bytes, this.#host.maxWindowBytes));
  }

  /** Makes the receive window larger at once as far as the budget allows, or smaller as it is used. */
  resizeWindow(bytes: number): void {
    if (!this.#isLive()) return;
    const window = this.receiveWindow;
    window.shrink(bytes);
    const granted = this.#host.budget.grow(bytes - window.size);
    if (granted === 0) return;
    window.grow(granted);
    this.#adjust(window.flush());
  }

  // What follows is called by the connection and the sender.

  /** The channel is open on both sides. */
  confirmed(remoteId: number, window: SendWindow): void {
    this.remoteId = remoteId;
    this.#sender.window = window;
    this.#state = 'open';
  }

  receiveData(chunk: Buffer): void {
    const window = this.receiveWindow;
    window.take(chunk.length);
    this.onActivity?.();
    if (!this.#takesData()) this.consumed(chunk.length);
    else {
      try {
        this.#sink.data(chunk);
      } catch (error) {
        surface(error);
      }
      if (window.unmeasured >= window.measureAfterBytes) this.#measure();
    }
  }

  receiveStderr(chunk: Buffer): void {
    this.receiveWindow.take(chunk.length);
    this.onActivity?.();
    if (!this.#takesData() || this.#sink.stderr === undefined) this.consumed(chunk.length);
    else deliver(() => this.#sink.stderr?.(chunk));
  }

  /** RFC 4254 §5.2 knows no other type of extended data: it is counted and dropped. */
  dropData(byteCount: number): void {
    this.receiveWindow.take(byteCount);
    this.consumed(byteCount);
  }

  receiveAdjust(bytes: number): void {
    this.#sender.addCredit(bytes);
  }

  receiveEof(): void {
    if (this.#state === 'open') this.#state = 'eof-received';
    else if (this.#state === 'eof-sent') this.#state = 'eof-both';
    else return; // A second EOF says nothing new; one that crossed our CLOSE interests nobody any more.
    deliver(() => this.#sink.eof());
  }

  receiveClose(): void {
    if (this.#state !== 'closing') this.#sender.answerClose();
    this.#finish(undefined);
  }

  receiveRequest(request: IncomingRequest): void {
    // After our CLOSE nothing may be sent, so nothing is answered.
    if (this.#state !== 'closing') this.#requests.push(request);
  }

  receiveReply(granted: boolean): void {
    this.#replies.settle(granted, granted ? 'CHANNEL_SUCCESS' : 'CHANNEL_FAILURE');
  }

  /** The sender sent our EOF or CLOSE. */
  sentEof(): void {
    this.#state = this.#state === 'eof-received' ? 'eof-both' : 'eof-sent';
  }

  sentClose(): void {
    this.#state = 'closing';
    this.#requests.end();
  }

  /** The connection ended, or the peer refused the channel. */
  terminate(error: SshError): void {
    if (this.#state !== 'closed') this.#finish(error);
  }

  #finish(error: SshError | undefined): void {
    this.#state = 'closed';
    this.#requests.end();
    this.#host.released(this);
    const reason = () => error ?? closedError('by the peer');
    if (this.#replies.count > 0) this.#replies.end(reason());
    deliver(() => this.#sink.closed(error));
    this.#sender.clear(reason);
    this.#settleClosed(error);
  }

  /**
   * Data after the peer's EOF is dropped as OpenSSH drops it: a peer that works with OpenSSH loses nothing, and one
   * sloppy channel does not cost the connection. Data that crossed our CLOSE is dropped too; data after the peer's own
   * CLOSE finds no channel, which is a protocol error.
   */
  #takesData(): boolean {
    return this.#state === 'open' || this.#state === 'eof-sent';
  }

  #isLive(): boolean {
    return this.#state !== 'opening' && this.#state !== 'closing' && this.#state !== 'closed';
  }

  #requireOpen(type: string): void {
    if (!this.#isLive()) throw closedError(`before the request ${type} was sent`);
  }

  #measure(): void {
    this.#host.growth.measure(this);
  }

  #adjust(bytes: number): void {
    // After the peer's EOF it needs no window, after our CLOSE it may get none.
    if (bytes === 0 || !this.#takesData()) return;
    writeWindowAdjust(adjustMessage, this.remoteId, bytes);
    this.#host.link.send(adjustMessage);
  }

  #answer(granted: boolean): void {
    if (!this.#isLive()) return;
    this.#host.reply((granted ? channelSuccess : channelFailure).encode({ recipient: this.remoteId }));
  }

  #encodeRequest(type: string, data: Uint8Array, wantReply: boolean): Buffer {
    return channelRequest.encode({ recipient: this.remoteId, type, wantReply, data: data as Buffer });
  }
}

const noBytes = Buffer.alloc(0);
/** As long as it takes for a PING to have the size of one key's CHANNEL_DATA. */
const chaffData = Buffer.from('PING!');
const ignorePong = (): void => {};

/** Requires what RFC 4254 §5.1 leaves open: a maximum packet that something fits into (russh CVE-2025-54804). */
export function requirePeerPacketBytes(maxPacketBytes: number, leastBytes: number): void {
  if (maxPacketBytes >= leastBytes) return;
  throw protocolError(
    'channel',
    `the peer takes packets of at most ${maxPacketBytes} bytes on a channel, at least ${leastBytes} are needed`,
  );
}

function deliver(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    surface(error);
  }
}

/**
 * What a consumer's callback throws is an error of the program, not of the connection that is being read: it surfaces
 * as an uncaught exception, as from any other event listener, and the read loop goes on.
 */
function surface(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
