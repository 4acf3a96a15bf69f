/** Channels of a connection that somebody else speaks for: the clients of a shared connection, message by message. */

import type { SshError } from '../errors.ts';
import type { ChannelRelay, RelayedOpen } from './channel-relay.ts';
import { DisplaySorter, type DisplaySorterHost } from './display-sorter.ts';

/** Which relay speaks for which channel number. */
export class RelayedChannels {
  readonly #takeId: () => number | undefined;
  readonly #owners = new Map<number, ChannelRelay>();
  readonly #relays = new Set<ChannelRelay>();
  /** Finds out whose the channels for displays are. */
  readonly displays: DisplaySorter;

  /** @param takeId - gives a number nobody uses, or undefined where too many channels are open. */
  constructor(takeId: () => number | undefined, host: Pick<DisplaySorterHost, 'send' | 'receive' | 'openHere'>) {
    this.#takeId = takeId;
    this.displays = new DisplaySorter({
      ...host,
      reserve: (relay) => this.reserve(relay),
      release: (id) => this.release(id),
    });
  }

  /** Channels that relays speak for. */
  get size(): number {
    return this.#owners.size;
  }

  /** Their numbers. */
  get ids(): readonly number[] {
    return [...this.#owners.keys()];
  }

  has(id: number): boolean {
    return this.#owners.has(id);
  }

  attach(relay: ChannelRelay): void {
    this.#relays.add(relay);
  }

  detach(relay: ChannelRelay): void {
    this.displays.withdraw(relay);
    this.#relays.delete(relay);
  }

  /** A channel number for a relay; undefined where the connection has too many channels. */
  reserve(relay: ChannelRelay): number | undefined {
    const id = this.#takeId();
    if (id !== undefined) this.#owners.set(id, relay);
    return id;
  }

  /** The channel is closed on both sides. */
  release(id: number): void {
    this.#owners.delete(id);
  }

  /** Hands a message to the relay that it is for; false where it is for none. */
  receive(payload: Buffer): boolean {
    const number = payload[0] ?? 0;
    if (number < 91 || number > 100 || payload.length < 5) return false;
    const id = payload.readUInt32BE(1);
    const owner = this.#owners.get(id);
    if (owner === undefined) return false;
    owner.receive(id, payload);
    return true;
  }

  takesOpen(open: RelayedOpen, payload: Buffer): boolean {
    if (this.displays.takesOpen(open, payload)) return true;
    return [...this.#relays].reverse().some((relay) => relay.takesOpen(open, payload));
  }

  onLinkReady(): void {
    for (const relay of this.#relays) relay.onLinkReady();
  }

  end(error: SshError): void {
    const relays = [...this.#relays];
    this.#relays.clear();
    this.#owners.clear();
    this.displays.end();
    for (const relay of relays) relay.end(error);
  }
}
