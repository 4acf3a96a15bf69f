/** Proxy mode in a master: one client's messages of the connection protocol, joined to the shared connection and back. */

import { allocatedPort } from '../connection/global-requests/tcpip-forward.ts';
import {
  type Answer,
  type ChannelRelay,
  type Connection,
  cancelStreamlocalForwardOpenssh,
  cancelTcpipForward,
  forwardedStreamlocalOpenssh,
  forwardedTcpip,
  type IncomingRequest,
  keepalive,
  openFailureReasons,
  type RelayedOpen,
  streamlocalForwardOpenssh,
  tcpipForward,
  x11,
  x11Req,
} from '../connection/index.ts';
import * as messages from '../connection/messages.ts';
import { RequestQueue } from '../connection/request-queue.ts';
import { protocolError, type SshError } from '../errors.ts';
import { maxConnectionWindowBytes } from '../limits.ts';
import type { FrameWriter } from './frame-writer.ts';
import { muxError } from './message.ts';
import { ProxiedChannel } from './proxied-channel.ts';

/** A client's global request to a master of ours: change the keys, as ~R asks. The server never sees it. */
export const rekeyRequest = 'rekey@nacre';

export interface ProxyRelayEvents {
  /** A client wants the keys changed; undefined where that cannot be. */
  readonly rekey?: (() => Promise<void>) | undefined;
  /** The client broke a rule, or the connection ended: its socket has to be closed. */
  fail(error: SshError): void;
  /** The connection takes no more just now, or does again: the client is read no further meanwhile. */
  setReading(reading: boolean): void;
}

/**
 * Speaks for the channels of one client. Channel numbers are translated, nothing is kept or counted twice: the windows are
 * those of client and server. A client owns what it opened: it reaches no channel and no forward of anybody else's.
 */
export class ProxyRelay implements ChannelRelay {
  readonly #connection: Connection;
  readonly #out: FrameWriter;
  readonly #events: ProxyRelayEvents;
  readonly #requests: RequestQueue;
  readonly #channels = new Map<number, ProxiedChannel>();
  readonly #byServerId = new Map<number, ProxiedChannel>();
  /** Channels that the server opens and this client has not answered about. */
  readonly #offered = new Map<number, RelayedOpen>();
  /** What the server listens on for this client, by what its channels name, with what cancels it. */
  readonly #listeners = new Map<string, { readonly cancel: string; readonly data: Buffer }>();
  /** It asked for X11 on a channel of its own, and takes the windows that come of it. */
  #wantsDisplay = false;
  #isGone = false;

  constructor(connection: Connection, out: FrameWriter, events: ProxyRelayEvents) {
    this.#connection = connection;
    this.#out = out;
    this.#events = events;
    this.#requests = new RequestQueue({
      handle: (request) => this.#handleRequest(request),
      reply: (answer) => this.#out.sendPacket(encodeReply(answer)),
      fail: (error) => this.#events.fail(error),
      onHandlerError: () => {},
      limit: connection.limits.maxPendingRequests,
    });
    connection.relayed.attach(this);
  }

  /** Channels of the client that are not closed. */
  get channelCount(): number {
    return this.#channels.size;
  }

  /**
   * Takes a packet of the client's, without its length.
   *
   * @throws SshError where the client broke a rule; it is cut off, and nobody else notices.
   */
  takePacket(packet: Buffer): void {
    if (this.#isGone) return;
    const paddingBytes = packet[0] ?? 0;
    if (packet.length < 2 + paddingBytes) throw muxError(`a packet of ${packet.length} bytes holds no message`);
    this.#takeMessage(packet.subarray(1, packet.length - paddingBytes));
    if (!this.#connection.link.ready) this.#events.setReading(false);
  }

  /** The client has gone: what it opened is closed, and the server's answers are dropped. */
  clientEnded(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#requests.end();
    this.#connection.relayed.displays.withdraw(this);
    for (const sender of this.#offered.keys()) this.#refuseOffer(sender);
    this.#offered.clear();
    for (const channel of this.#channels.values()) this.#abandon(channel);
    for (const { cancel, data } of this.#listeners.values()) this.#cancel(cancel, data);
    this.#listeners.clear();
    this.#detachIfDone();
  }

  /** {@inheritDoc ChannelRelay.receive} */
  receive(id: number, payload: Buffer): void {
    const channel = this.#channels.get(id);
    if (channel === undefined)
      throw protocolError('channel', `message ${payload[0]} came for a channel that is closed`);
    this.#noteServerMessage(channel, payload);
    if (this.#isGone) return;
    payload.writeUInt32BE(channel.clientId, 1);
    this.#out.passPacket(payload);
    // Its windows are its own to give; one that gives much and reads nothing must not fill our memory.
    if (this.#out.queuedBytes > maxConnectionWindowBytes) this.#events.fail(muxError('a client does not read'));
  }

  /** {@inheritDoc ChannelRelay.takesOpen} */
  takesOpen(open: RelayedOpen, payload: Buffer): boolean {
    const key = listenerKey(open);
    const isOurs = open.type === x11.name ? this.#wantsDisplay : key !== undefined && this.#listeners.has(key);
    if (!isOurs || this.#isGone) return false;
    if (this.#offered.size >= this.#connection.limits.maxPendingRequests) this.#refuseOffer(open.sender);
    else {
      this.#offered.set(open.sender, open);
      this.#out.passPacket(payload);
    }
    return true;
  }

  /** {@inheritDoc ChannelRelay.onLinkReady} */
  onLinkReady(): void {
    if (!this.#isGone) this.#events.setReading(true);
  }

  /** {@inheritDoc ChannelRelay.end} */
  end(error: SshError): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#requests.end();
    this.#events.fail(error);
  }

  #takeMessage(payload: Buffer): void {
    switch (payload[0]) {
      case 80: {
        const { request: type, wantReply, data } = messages.globalRequest.decode(payload);
        this.#requests.push({ type, wantReply, data });
        return;
      }
      case 90:
        this.#open(payload);
        return;
      case 91:
        this.#confirm(payload);
        return;
      case 92: {
        const { recipient } = messages.channelOpenFailure.decode(payload);
        this.#requireOffer(recipient);
        this.#offered.delete(recipient);
        this.#answer(payload);
        return;
      }
      case 2:
      case 3:
      case 4:
        return;
      default:
        this.#forward(payload);
    }
  }

  /** The client's own number is put back when the server answers. */
  #open(payload: Buffer): void {
    const open = messages.channelOpen.decode(payload);
    const id = this.#connection.relayed.reserve(this);
    if (id === undefined) {
      const { resourceShortage: reason } = messages.openFailureReasons;
      const description = Buffer.from('too many channels are open');
      const refusal = { recipient: open.sender, reason, description, language: Buffer.alloc(0) };
      this.#out.sendPacket(messages.channelOpenFailure.encode(refusal));
      return;
    }
    this.#channels.set(id, this.#create(id, open.sender, open));
    payload.writeUInt32BE(id, 1 + 4 + open.type.length);
    this.#connection.link.send(payload);
  }

  #confirm(payload: Buffer): void {
    const confirmation = messages.channelOpenConfirmation.decode(payload);
    const { recipient } = confirmation;
    const open = this.#requireOffer(recipient);
    const id = this.#connection.relayed.reserve(this);
    if (id === undefined) throw muxError('too many channels are open on the shared connection');
    const channel = this.#create(id, confirmation.sender, confirmation);
    this.#offered.delete(recipient);
    channel.opened(recipient, open.windowBytes, open.maxPacketBytes);
    this.#channels.set(id, channel);
    this.#byServerId.set(recipient, channel);
    payload.writeUInt32BE(id, 5);
    this.#answer(payload);
  }

  /** The server has its answer already where whose channel it is had to be found out. */
  #answer(payload: Buffer): void {
    if (!this.#connection.relayed.displays.takesAnswer(payload)) this.#connection.link.send(payload);
  }

  #create(id: number, clientId: number, offer: { windowBytes: number; maxPacketBytes: number }): ProxiedChannel {
    try {
      return new ProxiedChannel(id, clientId, offer);
    } catch (error) {
      this.#connection.relayed.release(id);
      throw error;
    }
  }

  #forward(payload: Buffer): void {
    const number = payload[0] ?? 0;
    if (number < 93 || number > 100) throw muxError(`message ${number} is none that a client may send`);
    const recipient = messages.readRecipient(payload);
    const channel = this.#byServerId.get(recipient);
    if (channel === undefined)
      throw muxError(`message ${number} came for channel ${recipient}, which is not the client's`);
    channel.requireFromClient(payload);
    if (number === 98) this.#noteDisplay(messages.channelRequest.decode(payload));
    this.#connection.link.send(payload);
    if (channel.isClosed) this.#release(channel);
  }

  #noteDisplay({ type, data }: { readonly type: string; readonly data: Buffer }): void {
    if (type !== x11Req.name) return;
    const { authProtocol, authCookie } = x11Req.data.decode(data);
    this.#wantsDisplay = true;
    this.#connection.relayed.displays.offer(this, authProtocol, Buffer.from(authCookie, 'hex'));
  }

  #noteServerMessage(channel: ProxiedChannel, payload: Buffer): void {
    if (payload[0] === 91) {
      const { sender, windowBytes, maxPacketBytes } = messages.channelOpenConfirmation.decode(payload);
      if (channel.isOpen) throw protocolError('channel', `channel ${channel.id} was confirmed twice`);
      channel.opened(sender, windowBytes, maxPacketBytes);
      this.#byServerId.set(sender, channel);
      if (this.#isGone) this.#abandon(channel);
      return;
    }
    if (payload[0] === 92) {
      if (channel.isOpen) throw protocolError('channel', `channel ${channel.id} was refused after it was confirmed`);
      messages.channelOpenFailure.decode(payload);
      this.#release(channel);
      return;
    }
    channel.noteFromServer(payload);
    if (channel.isClosed) this.#release(channel);
  }

  async #handleRequest({ type, data }: IncomingRequest): Promise<Answer> {
    const key = requestKey(type, data);
    if (type === keepalive.name) return (await this.#connection.globalRequest(type, data)) ?? false;
    if (type === rekeyRequest) {
      await this.#events.rekey?.();
      return this.#events.rekey !== undefined;
    }
    // Anything else is the master's own affair: one client's "no more sessions" would lock all the others out.
    if (key === undefined) return false;
    if (type === cancelTcpipForward.name || type === cancelStreamlocalForwardOpenssh.name) {
      if (!this.#listeners.delete(key)) return false;
      return (await this.#connection.globalRequest(type, data)) ?? false;
    }
    const answer = await this.#connection.globalRequest(type, data);
    if (answer === undefined) return false;
    this.#listen(type, data, answer);
    return answer.length === 0 ? true : answer;
  }

  #listen(type: string, data: Buffer, answer: Buffer): void {
    const isTcp = type === tcpipForward.name;
    const cancel = isTcp ? cancelTcpipForward.name : cancelStreamlocalForwardOpenssh.name;
    let named = data;
    if (isTcp) {
      const { address, port } = tcpipForward.data.decode(data);
      named = tcpipForward.data.encode({ address, port: port === 0 ? allocatedPort.decode(answer).port : port });
    }
    const key = requestKey(type, named);
    if (this.#isGone) this.#cancel(cancel, named);
    else if (key !== undefined) this.#listeners.set(key, { cancel, data: Buffer.from(named) });
  }

  #cancel(name: string, data: Buffer): void {
    this.#connection.globalRequest(name, data).catch(() => {});
  }

  /** It stays in the list until it is answered well: what a client leaves there when it is cut off is refused then. */
  #requireOffer(sender: number): RelayedOpen {
    const open = this.#offered.get(sender);
    if (open === undefined) throw muxError(`the client answers about channel ${sender}, which nobody opens`);
    return open;
  }

  #refuseOffer(sender: number): void {
    const reason = openFailureReasons.connectFailed;
    const refusal = {
      recipient: sender,
      reason,
      description: Buffer.from('the client has gone'),
      language: Buffer.alloc(0),
    };
    this.#answer(messages.channelOpenFailure.encode(refusal));
  }

  /** Closes what a client left; its number is free when the server has closed it too. */
  #abandon(channel: ProxiedChannel): void {
    if (!channel.isOpen || channel.isCloseSent) return;
    const close = messages.channelClose.encode({ recipient: channel.serverId });
    channel.requireFromClient(close);
    this.#connection.link.send(close);
    if (channel.isClosed) this.#release(channel);
  }

  #release(channel: ProxiedChannel): void {
    this.#channels.delete(channel.id);
    if (this.#byServerId.get(channel.serverId) === channel) this.#byServerId.delete(channel.serverId);
    this.#connection.relayed.release(channel.id);
    this.#detachIfDone();
  }

  #detachIfDone(): void {
    if (this.#isGone && this.#channels.size === 0) this.#connection.relayed.detach(this);
  }
}

/** A blank stands in no path that begins with a slash and in no address, so that neither passes for the other. */
function requestKey(type: string, data: Buffer): string | undefined {
  if (type === tcpipForward.name || type === cancelTcpipForward.name) {
    const { address, port } = tcpipForward.data.decode(data);
    return `${address} ${port}`;
  }
  if (type === streamlocalForwardOpenssh.name || type === cancelStreamlocalForwardOpenssh.name) {
    return streamlocalForwardOpenssh.data.decode(data).socketPath;
  }
  return undefined;
}

function listenerKey({ type, data }: RelayedOpen): string | undefined {
  if (type === forwardedTcpip.name) {
    const { address, port } = forwardedTcpip.data.decode(data);
    return `${address} ${port}`;
  }
  return type === forwardedStreamlocalOpenssh.name
    ? forwardedStreamlocalOpenssh.data.decode(data).socketPath
    : undefined;
}

function encodeReply(answer: Answer): Buffer {
  if (answer === false) return messages.requestFailure.encode({});
  return messages.requestSuccess.encode({ data: answer === true ? Buffer.alloc(0) : answer });
}
