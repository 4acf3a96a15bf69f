/** A tun@openssh.com channel as its user sees it: packets go in and come out, whole or not at all. */

import type { SshError } from '../errors.ts';
import { maxTunnelQueueBytes } from '../limits.ts';
import type { Channel } from './channel.ts';
import type { TunnelMode } from './channels/tun-openssh.ts';
import { decodeTunnelPacket, encodeTunnelPacket } from './tunnel-packets.ts';

/** One tunnel. Packets may be lost on the way, as on any network; what arrives is as it was sent. */
export class PacketTunnel {
  readonly mode: TunnelMode;
  /** Settles when the tunnel is closed, with the error that ended it if one did. Never rejects. */
  readonly closed: Promise<SshError | undefined>;
  /** Called when `send` takes packets again after it said no. */
  onDrain: (() => void) | undefined;
  /** Packets that were no packets, or for which there was no room, in either direction. */
  droppedPackets = 0;
  readonly #channel: Channel;
  #isFull = false;

  constructor(channel: Channel, mode: TunnelMode) {
    this.#channel = channel;
    this.mode = mode;
    this.closed = channel.closed;
  }

  /** The channel's number, as logs have it. */
  get id(): number {
    return this.#channel.id;
  }

  /**
   * Sends a packet: an IPv4 or IPv6 packet, or an ethernet frame. It is copied.
   *
   * @returns whether more may follow; after false wait for `onDrain`, since packets are dropped until then.
   */
  send(packet: Uint8Array): boolean {
    const channel = this.#channel;
    if (channel.writeError !== undefined) return false;
    const data = this.#isFull ? undefined : encodeTunnelPacket(this.mode, packet);
    if (data === undefined) this.droppedPackets++;
    else {
      channel.write(data, 'datagram', this.#sent);
      this.#isFull = channel.queuedBytes >= maxTunnelQueueBytes;
    }
    return !this.#isFull;
  }

  /** Says who takes the packets. What came before is delivered now. */
  onPacket(listener: (packet: Buffer) => void): void {
    const channel = this.#channel;
    channel.attach({
      data: (chunk) => {
        channel.consumed(chunk.length);
        const packet = decodeTunnelPacket(this.mode, chunk);
        if (packet === undefined) this.droppedPackets++;
        else listener(packet);
      },
      eof: () => channel.close(),
      closed: () => {},
    });
  }

  /** Closes the tunnel; packets that wait are sent before. */
  close(): void {
    this.#channel.close();
  }

  readonly #sent = (): void => {
    if (!this.#isFull || this.#channel.queuedBytes > maxTunnelQueueBytes / 2) return;
    this.#isFull = false;
    this.onDrain?.();
  };
}
