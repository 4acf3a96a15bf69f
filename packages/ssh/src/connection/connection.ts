/** The connection protocol (RFC 4254) over one transport: channels, global requests, and the rules between them. */

import { protocolError, SshError } from '../errors.ts';
import type { ConnectionLink } from '../transport/link.ts';
import { Answers } from './answers.ts';
import { Channel, type ChannelHost, requirePeerPacketBytes } from './channel.ts';
import { type ChannelFacts, channelFacts } from './channel-facts.ts';
import { IdleWatch } from './channel-timeouts.ts';
import { channelTypes } from './channels/table.ts';
import { ConnectionLog } from './connection-log.ts';
import { type ConnectionLimits, type ConnectionOptions, connectionLimits } from './connection-options.ts';
import { keepalive } from './global-requests/keepalive.ts';
import { noMoreSessions } from './global-requests/no-more-sessions.ts';
import { type AcceptOptions, encodeOpenFailure, IncomingOpen } from './incoming-open.ts';
import { type KeepaliveOptions, startKeepalive } from './keepalive.ts';
import * as messages from './messages.ts';
import { OpeningChannels } from './opening-channels.ts';
import { RelayedChannels } from './relayed-channels.ts';
import { abortedError, PendingReplies, RequestQueue } from './request-queue.ts';
import { Scheduler } from './scheduler.ts';
import { TypingWatch } from './typing-watch.ts';
import { SendWindow, WindowBudget } from './window.ts';
import { WindowGrowth } from './window-growth.ts';

export interface OpenOptions extends AcceptOptions {
  signal?: AbortSignal | undefined;
}

/** The connection layer of one peer, in either role. The transport calls receive(), onLinkReady() and end(). */
export class Connection {
  readonly link: ConnectionLink;
  readonly limits: ConnectionLimits;
  /** Channels that somebody else speaks for: the clients of a shared connection. */
  readonly relayed: RelayedChannels;
  readonly #options: ConnectionOptions;
  readonly #channels = new Map<number, Channel>();
  readonly #opening = new OpeningChannels();
  readonly #undecided = new Set<IncomingOpen>();
  readonly #replies = new PendingReplies();
  readonly #requests: RequestQueue;
  readonly #host: ChannelHost;
  readonly #answers: Answers;
  readonly #idle: IdleWatch;
  readonly #log: ConnectionLog | undefined;
  #nextChannelId = 0;
  #noMoreSessions = false;
  #receivedCount = 0;
  #stopKeepalive: () => void = () => {};
  #ended: SshError | undefined;
  #abort: AbortController | undefined;

  constructor(link: ConnectionLink, options: ConnectionOptions) {
    this.link = link;
    this.#options = options;
    this.limits = connectionLimits(options.limits);
    this.#log = options.log && new ConnectionLog(link.role, options.log);
    this.#answers = new Answers(link, this.limits.maxQueuedReplyBytes);
    this.relayed = new RelayedChannels(() => (this.#isFull ? undefined : this.#takeChannelId()), {
      send: (payload) => link.send(payload),
      receive: (payload) => this.receive(payload),
      openHere: (payload) => this.#openHere(messages.channelOpen.decode(payload)),
    });
    const onHandlerError = (error: unknown) => options.onHandlerError?.(error);
    const growth = new WindowGrowth(options.clock, (answered) => this.#probe(answered));
    if (options.roundTripMs !== undefined) growth.noteRoundTrip(options.roundTripMs);
    this.#idle = new IdleWatch(options, (error) => link.fail(error));
    this.#host = {
      link,
      clock: options.clock,
      scheduler: new Scheduler(link),
      budget: new WindowBudget(this.limits.maxConnectionWindowBytes, this.limits.maxChannels),
      growth,
      typing: new TypingWatch({
        link,
        growth,
        initialWindowBytes: this.limits.initialWindowBytes,
        maxWindowBytes: this.limits.maxWindowBytes,
        channels: () => this.#channels.values(),
      }),
      maxWindowBytes: this.limits.maxWindowBytes,
      maxPendingRequests: this.limits.maxPendingRequests,
      reply: (payload) => this.#answers.send(payload),
      onHandlerError,
      purposeKnown: (channel) => this.#idle.opened(channel),
      released: (channel) => this.#release(channel),
    };
    this.#requests = new RequestQueue({
      handle: (request) => this.#options.globalRequestHandlers?.get(request.type)?.(request) ?? false,
      reply: (answer) => {
        if (answer === false) this.#answers.send(messages.requestFailure.encode({}));
        else this.#answers.send(messages.requestSuccess.encode({ data: answer === true ? noBytes : answer }));
      },
      fail: (error) => link.fail(error),
      onHandlerError,
      limit: this.limits.maxPendingRequests,
    });
  }

  /** The error that ended the connection, once it ended. */
  get ended(): SshError | undefined {
    return this.#ended;
  }

  /** Aborted when the connection ends: for what a handler started on the connection's behalf. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#ended !== undefined) this.#abort.abort(this.#ended);
    return this.#abort.signal;
  }

  /** Channels opening, open, or waiting for the peer's CLOSE, and those the application has to decide about. */
  get channelCount(): number {
    return this.#channels.size + this.#undecided.size + this.relayed.size;
  }

  /** The channels of this end's own, opening and open. */
  get channels(): readonly Channel[] {
    return [...this.#channels.values()];
  }

  /** What this end's own channels are for, and what they have carried. */
  channelFacts(): ChannelFacts[] {
    const nowMs = this.#options.clock.now();
    return this.channels.map((channel) => channelFacts(channel, nowMs));
  }

  /** Receive windows of all channels together, in bytes. */
  get windowBytes(): number {
    return this.#host.budget.usedBytes;
  }

  /**
   * Opens a channel (RFC 4254 §5.1).
   *
   * @param data - the type-specific data, encoded.
   * @throws SshError `channel-open-refused` by the peer, `aborted` by the signal (a late confirmation is closed at
   *   once), `limit-exceeded` when too many channels are open, or the error that ended the connection.
   */
  async openChannel(type: string, data: Uint8Array, options: OpenOptions = {}): Promise<Channel> {
    this.#requireUsable(options.signal, `opening a ${type} channel`);
    if (this.#noMoreSessions && type === 'session' && this.link.role === 'client') {
      throw new SshError('the server was told that no more sessions come', { code: 'misuse', stage: 'channel' });
    }
    if (this.#isFull) {
      throw new SshError(`${this.channelCount} channels are open, which is the limit`, {
        code: 'limit-exceeded',
        stage: 'channel',
        remedy: 'Close channels that are no longer used, or open a second connection.',
      });
    }
    const channel = this.#createChannel(type, options);
    const opened = this.#opening.wait(channel, this.#options.clock.now(), options.signal);
    const { size, maxPacketBytes } = channel.receiveWindow;
    const open = { type, sender: channel.id, windowBytes: size, maxPacketBytes, data: data as Buffer };
    this.link.send(messages.channelOpen.encode(open));
    return opened;
  }

  /**
   * Sends a global request and waits for its answer (RFC 4254 §4).
   *
   * @returns what the peer's REQUEST_SUCCESS carried, or undefined for REQUEST_FAILURE.
   */
  async globalRequest(
    name: string,
    data: Uint8Array = noBytes,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<Buffer | undefined> {
    this.#requireUsable(options.signal, `global request ${name}`);
    const reply = this.#replies.wait(options.signal);
    this.link.send(messages.globalRequest.encode({ request: name, wantReply: true, data: data as Buffer }));
    const answer = await reply;
    return typeof answer === 'boolean' ? undefined : answer;
  }

  /** Sends a global request that wants no reply. */
  sendGlobalNoReply(name: string, data: Uint8Array = noBytes): void {
    this.link.send(messages.globalRequest.encode({ request: name, wantReply: false, data: data as Buffer }));
  }

  /** As a client: promises the server that no further session is opened, so that a hijacked client cannot either. */
  sendNoMoreSessions(): void {
    this.#noMoreSessions = true;
    this.sendGlobalNoReply(noMoreSessions.name);
  }

  /** Asks a silent peer whether it lives, and ends the connection when it does not answer. Replaces an earlier call. */
  keepalive(options: KeepaliveOptions): void {
    this.#stopKeepalive();
    if (this.#ended !== undefined) return;
    const host = {
      clock: this.#options.clock,
      receivedCount: () => this.#receivedCount,
      ask: () => void this.globalRequest(keepalive.name).catch(() => {}),
      fail: (error: SshError) => this.link.fail(error),
    };
    this.#stopKeepalive = startKeepalive(host, options);
  }

  /**
   * Takes one message numbered 80 to 127.
   *
   * @param payload - memory that is the connection's from now on: channel data are views of it.
   * @throws SshError when the peer broke a rule; the transport ends the connection with it.
   */
  receive(payload: Buffer): void {
    if (this.#ended !== undefined) return;
    this.#receivedCount++;
    if (this.relayed.size > 0 && this.relayed.receive(payload)) return;
    switch (payload[0]) {
      case 94:
        this.#live(payload).receiveData(messages.readData(payload));
        return;
      case 93:
        this.#live(payload).receiveAdjust(messages.readWindowAdjust(payload));
        return;
      case 95:
        this.#receiveExtendedData(payload);
        return;
      case 96:
        messages.channelEof.decode(payload);
        this.#live(payload).receiveEof();
        return;
      case 97:
        messages.channelClose.decode(payload);
        this.#live(payload).receiveClose();
        return;
      case 98:
        this.#receiveChannelRequest(payload);
        return;
      case 99:
        messages.channelSuccess.decode(payload);
        this.#live(payload).receiveReply(true);
        return;
      case 100:
        messages.channelFailure.decode(payload);
        this.#live(payload).receiveReply(false);
        return;
      default:
        this.#receiveRare(payload);
    }
  }

  /** The link takes bulk data again. */
  onLinkReady(): void {
    this.#answers.onLinkReady();
    this.#host.scheduler.run();
    this.relayed.onLinkReady();
  }

  /** The connection is over: every pending call rejects, every channel ends with this error. */
  end(error: SshError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#stopKeepalive();
    this.#idle.stop();
    this.#requests.end();
    this.#host.scheduler.clear();
    for (const open of this.#undecided) open.end();
    this.#undecided.clear();
    this.#replies.end(error);
    this.#opening.end(error);
    for (const channel of [...this.#channels.values()]) channel.terminate(error);
    this.relayed.end(error);
    this.#abort?.abort(error);
  }

  #receiveRare(payload: Buffer): void {
    switch (payload[0]) {
      case 80: {
        const { request: type, wantReply, data } = messages.globalRequest.decode(payload);
        this.#log?.globalRequest({ type, wantReply });
        if (type === noMoreSessions.name && this.link.role === 'server') this.#noMoreSessions = true;
        this.#requests.push({ type, wantReply, data });
        if (!wantReply) this.#opening.hurry(this.link);
        return;
      }
      case 81:
        this.#replies.settle(messages.requestSuccess.decode(payload).data, 'REQUEST_SUCCESS');
        return;
      case 82:
        messages.requestFailure.decode(payload);
        this.#replies.settle(false, 'REQUEST_FAILURE');
        return;
      case 90:
        this.#receiveOpen(payload);
        return;
      case 91: {
        const confirmation = messages.channelOpenConfirmation.decode(payload);
        // Checked first: what throws here must leave the call in its list, where the end of the connection settles it.
        const window = this.#sendWindow(confirmation);
        const opening = this.#opening.take(confirmation.recipient, 'CHANNEL_OPEN_CONFIRMATION');
        this.#host.growth.noteRoundTrip(this.#options.clock.now() - opening.startedMs);
        opening.channel.confirmed(confirmation.sender, window);
        this.#idle.opened(opening.channel);
        opening.confirmed();
        return;
      }
      case 92: {
        const failure = messages.channelOpenFailure.decode(payload);
        this.#opening.take(failure.recipient, 'CHANNEL_OPEN_FAILURE').refused(failure.reason, failure.description);
        return;
      }
      default:
        throw payload.length === 0
          ? protocolError('channel', 'an empty message came', { code: 'bad-message' })
          : protocolError('channel', `message ${payload[0]} is none of the connection protocol's`);
    }
  }

  #receiveChannelRequest(payload: Buffer): void {
    const channel = this.#live(payload);
    const request = messages.channelRequest.decode(payload);
    this.#log?.channelRequest(channel.id, request);
    channel.receiveRequest(request);
  }

  #receiveExtendedData(payload: Buffer): void {
    const dataType = messages.readExtendedDataType(payload);
    const channel = this.#live(payload);
    const data = messages.readExtendedData(payload);
    if (dataType === messages.stderrDataType) channel.receiveStderr(data);
    else channel.dropData(data.length);
  }

  #receiveOpen(payload: Buffer): void {
    const open = messages.channelOpen.decode(payload);
    this.#sendWindow(open);
    if (open.type === 'session' && this.#noMoreSessions && this.link.role === 'server') {
      throw protocolError('channel', 'the client opened a session after it had promised to open no more');
    }
    if (!this.relayed.takesOpen(open, payload)) this.#openHere(open);
  }

  #openHere(open: ReturnType<typeof messages.channelOpen.decode>): void {
    const { type, sender, data } = open;
    const window = this.#sendWindow(open);
    if (this.#isFull) {
      this.#refuse(sender, messages.openFailureReasons.resourceShortage, 'too many channels are open');
      return;
    }
    const handler = this.#options.channelHandlers?.get(type);
    if (handler === undefined) {
      const { administrativelyProhibited, unknownChannelType } = messages.openFailureReasons;
      if (channelTypes.some((row) => row.name === type))
        this.#refuse(sender, administrativelyProhibited, 'not allowed');
      else this.#refuse(sender, unknownChannelType, 'unknown channel type');
      return;
    }
    const incoming = new IncomingOpen({
      type,
      data,
      peerChannel: sender,
      accept: (options) => this.#accept(type, sender, window, options),
      send: (failure) => this.#refuseWith(failure),
      onHandlerError: this.#host.onHandlerError,
      fail: (error) => this.link.fail(error),
      decided: () => {
        this.#undecided.delete(incoming);
        this.#idle.countChanged(this.channelCount);
      },
    });
    this.#undecided.add(incoming);
    this.#idle.countChanged(this.channelCount);
    incoming.run(handler);
  }

  #accept(type: string, peerChannel: number, window: SendWindow, options: AcceptOptions): Channel {
    const channel = this.#createChannel(type, options);
    channel.confirmed(peerChannel, window);
    this.#idle.opened(channel);
    const { size, maxPacketBytes } = channel.receiveWindow;
    const confirmation = {
      recipient: peerChannel,
      sender: channel.id,
      windowBytes: size,
      maxPacketBytes,
      data: noBytes,
    };
    const message = messages.channelOpenConfirmation.encode(confirmation);
    if (!this.relayed.displays.takesAnswer(message)) this.link.send(message);
    return channel;
  }

  #refuse(recipient: number, reason: number, description: string): void {
    this.#refuseWith(encodeOpenFailure(recipient, reason, description));
  }

  #refuseWith(failure: Buffer): void {
    if (!this.relayed.displays.takesAnswer(failure)) this.#answers.send(failure);
  }

  get #isFull(): boolean {
    return this.channelCount >= this.limits.maxChannels;
  }

  #createChannel(type: string, options: AcceptOptions): Channel {
    const { growth, typing } = this.#host;
    const { initialWindowBytes, maxWindowBytes } = this.limits;
    const wantedBytes = options.windowBytes ?? growth.startBytes(initialWindowBytes, maxWindowBytes);
    const channel = new Channel(this.#host, {
      id: this.#takeChannelId(),
      type,
      windowBytes: this.#host.budget.open(typing.windowFor(wantedBytes, options.interactive ?? false)),
      maxPacketBytes: this.limits.maxChannelPacketBytes,
      interactive: options.interactive,
      label: options.label,
      subject: options.subject,
    });
    this.#log?.channelMade(channel, this.#idle.secondsFor(channel));
    typing.opened(channel, wantedBytes);
    this.#channels.set(channel.id, channel);
    this.#idle.countChanged(this.channelCount);
    return channel;
  }

  /** Numbers are not reused soon: a message that a confused peer sends late finds no channel instead of a wrong one. */
  #takeChannelId(): number {
    let id = this.#nextChannelId;
    while (this.#channels.has(id) || this.relayed.has(id)) id = (id + 1) % 2 ** 32;
    this.#nextChannelId = (id + 1) % 2 ** 32;
    return id;
  }

  #release(channel: Channel): void {
    if (!this.#channels.has(channel.id)) return;
    this.#log?.channelFreed(channel, this.#channels.size);
    this.#channels.delete(channel.id);
    this.#host.budget.close(channel.receiveWindow.size);
    this.#host.typing.end(channel);
    this.#idle.closed(channel);
    if (this.#ended === undefined) this.#idle.countChanged(this.channelCount);
  }

  /** The channel a message is for; there must be one, and it must be confirmed. */
  #live(payload: Buffer): Channel {
    const id = messages.readRecipient(payload);
    const channel = this.#channels.get(id);
    if (channel === undefined || channel.state === 'opening') {
      throw protocolError('channel', `message ${payload[0]} came for channel ${id}, which is not open`);
    }
    return channel;
  }

  #sendWindow(open: { windowBytes: number; maxPacketBytes: number }): SendWindow {
    requirePeerPacketBytes(open.maxPacketBytes, this.limits.minPeerPacketBytes);
    return new SendWindow(open.windowBytes, Math.min(open.maxPacketBytes, this.limits.maxChannelPacketBytes));
  }

  #probe(answered: () => void): void {
    if (this.link.ping(answered)) return;
    this.globalRequest(keepalive.name).then(answered, () => {});
  }

  #requireUsable(signal: AbortSignal | undefined, what: string): void {
    if (signal?.aborted) throw abortedError(signal, what);
    if (this.#ended !== undefined) throw this.#ended;
  }
}

const noBytes = Buffer.alloc(0);
