/** Payloads to outgoing bytes: composed in one scratch buffer, sealed, and collected until the turn's one write. */

import { ownMemory } from '../crypto/ciphers/protection/sealed-parts.ts';
import type { PacketProtectionState, PacketSealer } from '../crypto/packet-protection.ts';
import { fillPadding } from '../crypto/random.ts';
import { createDeflater, type Deflater } from './compression.ts';
import { plainSealer } from './plain.ts';

const nothing = Buffer.alloc(0);
/** The scratch that connections share: a packet is composed and sealed within one call, and sealers keep nothing of it. */
let scratch = Buffer.allocUnsafeSlow(80 * 1024);

/** One direction of the binary packet protocol (RFC 4253 §6), sending. */
export class PacketWriter {
  #sealer: PacketSealer = plainSealer;
  #compressed = false;
  #deflater: Deflater | undefined;
  /** Sequence number of the next packet; wraps at 2^32. */
  sequence = 0;
  packetsSinceKeys = 0;
  bytesSinceKeys = 0;
  #out: Buffer[] = [];
  /** Sealed bytes that wait for `take()`. */
  pendingBytes = 0;
  /** Bytes that `take()` has given out. */
  sentBytes = 0;

  /** Seals one payload, given whole or as a head and a body. */
  write(head: Uint8Array, body: Uint8Array = nothing): void {
    if (!this.#compressed) {
      this.#seal(head, body);
      return;
    }
    this.#deflater ??= createDeflater();
    this.#seal(this.#deflater.deflate(head, body), nothing);
  }

  /** Bytes that are no packet: the identification line. */
  writeRaw(bytes: Buffer): void {
    this.#out.push(bytes);
    this.pendingBytes += bytes.length;
  }

  /** All sealed bytes, in order; they are the caller's then. */
  take(): Buffer[] {
    const out = this.#out;
    this.#out = [];
    this.sentBytes += this.pendingBytes;
    this.pendingBytes = 0;
    return out;
  }

  setProtection(sealer: PacketSealer, resetSequence: boolean): void {
    this.#sealer = sealer;
    if (resetSequence) this.sequence = 0;
    this.packetsSinceKeys = 0;
    this.bytesSinceKeys = 0;
  }

  /** From the next packet on: a fresh compression context, or none. */
  setCompression(compressed: boolean): void {
    this.#compressed = compressed;
    this.#deflater = undefined;
  }

  get hasCompressionContext(): boolean {
    return this.#deflater !== undefined;
  }

  exportState(): PacketProtectionState {
    return this.#sealer.exportState();
  }

  #seal(head: Uint8Array, body: Uint8Array): void {
    const sealer = this.#sealer;
    const payloadBytes = head.length + body.length;
    const misfit = ((sealer.lengthCountsForPadding ? 5 : 1) + payloadBytes) % sealer.blockBytes;
    let padding = sealer.blockBytes - misfit;
    if (padding < 4) padding += sealer.blockBytes;
    const totalBytes = 5 + payloadBytes + padding;
    const { inPlace } = sealer;
    const packet = inPlace === undefined ? scratchFor(totalBytes) : ownMemory(totalBytes + sealer.trailerBytes);
    packet.writeUInt32BE(totalBytes - 4, 0);
    packet[4] = padding;
    packet.set(head, 5);
    if (body.length > 0) packet.set(body, 5 + head.length);
    fillPadding(packet, 5 + payloadBytes, totalBytes);
    if (inPlace === undefined) sealer.seal(this.sequence, packet.subarray(0, totalBytes), this.#out);
    else {
      inPlace(this.sequence, packet);
      this.#out.push(packet);
    }
    this.sequence = (this.sequence + 1) >>> 0;
    this.packetsSinceKeys++;
    this.bytesSinceKeys += totalBytes + sealer.trailerBytes;
    this.pendingBytes += totalBytes + sealer.trailerBytes;
  }
}

function scratchFor(byteCount: number): Buffer {
  if (byteCount > scratch.length) scratch = Buffer.allocUnsafeSlow(byteCount);
  return scratch;
}
