/** X11 channels of a shared connection: they do not say whose display they are for, but the cookie in their first bytes does. */
import { timingSafeEqual } from '../crypto/index.ts';
import { protocolError, SshError } from '../errors.ts';
import type { ChannelRelay, RelayedOpen } from './channel-relay.ts';
import { x11 } from './channels/x11.ts';
import { channelClose, channelOpenConfirmation, readData, windowAdjustBytes, writeWindowAdjust } from './messages.ts';

/** Who offered a display: a relay, or a session of the connection's own. */
export type DisplayOwner = ChannelRelay | 'own';

export interface DisplaySorterHost {
  /** To the peer. */
  send(payload: Buffer): void;
  reserve(relay: ChannelRelay): number | undefined;
  release(id: number): void;
  /** As if the peer had sent it. */
  receive(payload: Buffer): void;
  /** A channel that the peer opens, for the connection itself. */
  openHere(payload: Buffer): void;
}

interface Offer {
  readonly owner: DisplayOwner;
  readonly protocol: Buffer;
  readonly cookie: Buffer;
}

/**
 *   reading --cookie--> asked --CONFIRMATION--> passing
 *      |                  |
 *      +--no such cookie--+--FAILURE--> closing
 */
interface SortedChannel {
  readonly id: number;
  readonly open: RelayedOpen;
  readonly payload: Buffer;
  state: 'reading' | 'asked' | 'passing' | 'closing';
  /** The number that the owner has given it. */
  target: number;
  head: Buffer;
  /** What came before its owner could take it. */
  readonly held: Buffer[];
}

/** Room for a connection setup and little more: X11 programs wait for its answer. */
const windowBytes = 512;
/** What OpenSSH's clients take on such channels. */
const maxPacketBytes = 16 * 1024;
/** Messages may hold single bytes. */
const maxHeldMessages = windowBytes + 16;
/** Channels whose cookie is waited for: each is held by a program over there that says nothing. */
const maxSilentChannels = 64;
/** A session brings one; a client that offers without end must not fill our memory. */
const maxOffersOfOne = 64;

/**
 * Comes into play where two or more have offered a display: it accepts a channel in their place, reads the cookie, and has the one
 * whose cookie it is take the channel as if it were opened just now.
 */
export class DisplaySorter implements ChannelRelay {
  readonly #host: DisplaySorterHost;
  #offers: Offer[] = [];
  readonly #channels = new Map<number, SortedChannel>();
  /** Those that wait for an answer, by the peer's number. */
  readonly #asked = new Map<number, SortedChannel>();

  constructor(host: DisplaySorterHost) {
    this.#host = host;
  }

  /** Notes what an x11-req says. */
  offer(owner: DisplayOwner, protocol: string, cookie: Buffer): void {
    const offer = { owner, protocol: Buffer.from(protocol, 'latin1'), cookie };
    const own = this.#offers.filter((each) => each.owner === owner);
    if (own.some((each) => isSame(each, offer))) return;
    if (own.length >= maxOffersOfOne) this.#offers.splice(this.#offers.indexOf(own[0] as Offer), 1);
    this.#offers.push(offer);
  }

  /** The owner has gone. */
  withdraw(owner: DisplayOwner): void {
    this.#offers = this.#offers.filter((each) => each.owner !== owner);
  }

  /** {@inheritDoc ChannelRelay.takesOpen} */
  takesOpen(open: RelayedOpen, payload: Buffer): boolean {
    if (open.type !== x11.name || new Set(this.#offers.map(({ owner }) => owner)).size < 2) return false;
    const silent = [...this.#channels.values()].filter(({ state }) => state === 'reading').length;
    const id = silent < maxSilentChannels ? this.#host.reserve(this) : undefined;
    if (id === undefined) return false;
    const state = 'reading' as const;
    this.#channels.set(id, { id, open, payload, state, target: 0, head: Buffer.alloc(0), held: [] });
    const confirmation = { recipient: open.sender, sender: id, windowBytes, maxPacketBytes, data: Buffer.alloc(0) };
    this.#host.send(channelOpenConfirmation.encode(confirmation));
    return true;
  }

  /**
   * Whether an answer to a CHANNEL_OPEN is about a channel that was accepted already; what the peer has to know of it is sent.
   *
   * @throws SshError where the owner takes less than was promised in its name.
   */
  takesAnswer(payload: Buffer): boolean {
    if (this.#asked.size === 0) return false;
    const channel = this.#asked.get(payload.readUInt32BE(1));
    if (channel === undefined) return false;
    this.#asked.delete(channel.open.sender);
    if (payload[0] === 91) this.#confirmed(channel, payload);
    else this.#close(channel);
    return true;
  }

  /** {@inheritDoc ChannelRelay.receive} */
  receive(id: number, payload: Buffer): void {
    const channel = this.#channels.get(id);
    if (channel === undefined)
      throw protocolError('channel', `message ${payload[0]} came for a channel that is closed`);
    switch (channel.state) {
      case 'passing':
        this.#pass(channel, payload);
        return;
      case 'closing':
        if (payload[0] === 97) this.#release(channel);
        return;
      default:
        this.#hold(channel, payload);
    }
  }

  /** {@inheritDoc ChannelRelay.onLinkReady} */
  onLinkReady(): void {}

  /** {@inheritDoc ChannelRelay.end} */
  end(): void {
    this.#offers = [];
    this.#channels.clear();
    this.#asked.clear();
  }

  #hold(channel: SortedChannel, payload: Buffer): void {
    channel.held.push(payload);
    if (payload[0] === 94) channel.head = Buffer.concat([channel.head, readData(payload)]);
    if (channel.head.length > windowBytes || channel.held.length > maxHeldMessages) {
      throw protocolError('channel', `more came on channel ${channel.id} than its window allows`);
    }
    if (channel.state === 'asked') return;
    if (payload[0] === 96 || payload[0] === 97) {
      this.#close(channel);
      return;
    }
    const setup = readSetup(channel.head);
    if (setup === 'more') return;
    const offer = setup === 'none' ? undefined : this.#offers.find((each) => isSame(each, setup));
    if (offer === undefined) this.#close(channel);
    else this.#ask(channel, offer.owner);
  }

  #ask(channel: SortedChannel, owner: DisplayOwner): void {
    channel.state = 'asked';
    this.#asked.set(channel.open.sender, channel);
    if (owner === 'own') this.#host.openHere(channel.payload);
    else if (!owner.takesOpen(channel.open, channel.payload)) {
      this.#asked.delete(channel.open.sender);
      this.#close(channel);
    }
  }

  #confirmed(channel: SortedChannel, payload: Buffer): void {
    const confirmation = channelOpenConfirmation.decode(payload);
    channel.state = 'passing';
    channel.target = confirmation.sender;
    const moreBytes = confirmation.windowBytes - windowBytes;
    if (moreBytes < 0 || confirmation.maxPacketBytes < maxPacketBytes) {
      throw new SshError(
        `a channel for a display takes packets of ${maxPacketBytes} bytes and a window of ${windowBytes} at least`,
        { code: 'limit-exceeded', stage: 'channel', side: 'peer' },
      );
    }
    const adjust = Buffer.alloc(windowAdjustBytes);
    writeWindowAdjust(adjust, channel.open.sender, moreBytes);
    this.#host.send(adjust);
    for (const each of channel.held.splice(0)) this.#pass(channel, each);
  }

  #pass(channel: SortedChannel, payload: Buffer): void {
    if (payload[0] === 97) this.#release(channel);
    payload.writeUInt32BE(channel.target, 1);
    this.#host.receive(payload);
  }

  #close(channel: SortedChannel): void {
    channel.state = 'closing';
    const isClosedThere = channel.held.some((payload) => payload[0] === 97);
    channel.held.length = 0;
    this.#host.send(channelClose.encode({ recipient: channel.open.sender }));
    if (isClosedThere) this.#release(channel);
  }

  #release({ id }: SortedChannel): void {
    this.#channels.delete(id);
    this.#host.release(id);
  }
}

/** X Window System Protocol, "Connection Setup": byte order, version, lengths of method and cookie, then those two. */
function readSetup(head: Buffer): { protocol: Buffer; cookie: Buffer } | 'more' | 'none' {
  if (head.length < headBytes) return 'more';
  const isBig = head[0] === 0x42;
  if (!isBig && head[0] !== 0x6c) return 'none';
  const read = (at: number) => (isBig ? head.readUInt16BE(at) : head.readUInt16LE(at));
  const [protocolBytes, cookieBytes] = [read(6), read(8)];
  const cookieAt = headBytes + padded(protocolBytes);
  if (cookieAt + padded(cookieBytes) > windowBytes) return 'none';
  if (head.length < cookieAt + cookieBytes) return 'more';
  return {
    protocol: head.subarray(headBytes, headBytes + protocolBytes),
    cookie: head.subarray(cookieAt, cookieAt + cookieBytes),
  };
}

const headBytes = 12;

function padded(length: number): number {
  return (length + 3) & ~3;
}

function isSame(one: Omit<Offer, 'owner'>, other: Omit<Offer, 'owner'>): boolean {
  if (one.cookie.length !== other.cookie.length || !one.protocol.equals(other.protocol)) return false;
  return timingSafeEqual(one.cookie, other.cookie);
}
