/** Incoming bytes to payloads: parsed in place in the read buffer; only a packet that straddles two reads is copied. */
import { corruptedMac } from '../crypto/ciphers/protection/requirements.ts';
import type { PacketOpener, PacketProtectionState } from '../crypto/packet-protection.ts';
import { disconnectReasons, SshError } from '../errors.ts';
import { maxPacketBytes } from '../limits.ts';
import { createInflater, type Inflater } from './compression.ts';
import { plainOpener } from './plain.ts';

const nothing = Buffer.alloc(0);
/** Packets below this size are cheap to copy. */
const smallBytes = 4096;
/** A buffer that a connection held a packet in and needs no more; the next that needs one takes it. */
let spare: Buffer = nothing;

/** One direction of the binary packet protocol (RFC 4253 §6), receiving. */
export class PacketReader {
  #opener: PacketOpener = plainOpener;
  #compressed = false;
  #inflater: Inflater | undefined;
  /** Sequence number of the next packet; wraps at 2^32. */
  sequence = 0;
  /** Packets and bytes since the last change of keys, for rekeying. */
  packetsSinceKeys = 0;
  bytesSinceKeys = 0;

  /** Bytes of earlier reads that are not parsed yet: held[#heldStart, #heldEnd). They come before #chunk. */
  #held: Buffer = nothing;
  #heldStart = 0;
  #heldEnd = 0;
  #chunk: Buffer = nothing;
  #chunkAt = 0;
  /** The packet_length of the packet at the front, once read: ciphers may decrypt it only once. */
  #packetLength: number | undefined;
  #swallowing = 0;
  /** What the last packet took on the wire. Bulk comes in packets of one size. */
  #lastBytes = 0;

  /** Takes a read buffer; its bytes are used until `settle()`, and not after. */
  feed(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#chunkAt = 0;
  }

  /** Copies what is left of the read buffer, so that the buffer may be used again. */
  settle(): void {
    this.#moveToHeld(this.#chunk.length - this.#chunkAt);
    this.#chunk = nothing;
    this.#chunkAt = 0;
  }

  /** Bytes received and not parsed yet. */
  get bufferedBytes(): number {
    return this.#heldEnd - this.#heldStart + this.#chunk.length - this.#chunkAt;
  }

  /** All bytes not parsed yet, for handing the connection to another process. */
  takeBuffered(): Buffer {
    this.settle();
    return Buffer.from(this.#held.subarray(this.#heldStart, this.#heldEnd));
  }

  /**
   * How many bytes the next read should take, at most `mostBytes`: up to the end of a packet if those to come are as long as the
   * last one. Bulk is then opened where it was read; a packet that straddles two reads has to be copied.
   */
  nextReadBytes(mostBytes: number): number {
    const packetBytes = this.#lastBytes;
    if (packetBytes < smallBytes || packetBytes > mostBytes) return mostBytes;
    const heldBytes = this.#heldEnd - this.#heldStart;
    const length = this.#packetLength;
    const expectedBytes = length === undefined ? packetBytes : 4 + length + this.#opener.trailerBytes;
    const missingBytes = heldBytes === 0 ? 0 : expectedBytes - heldBytes;
    // More than a packet is held back, or one that is longer than a read: nothing is known of where the next ends.
    if (missingBytes < 0 || missingBytes > mostBytes) return mostBytes;
    const packets = Math.floor((mostBytes - missingBytes) / packetBytes);
    return missingBytes + packets * packetBytes;
  }

  /** The next packet's payload, or undefined where its bytes are not all there. */
  next(): Buffer | undefined {
    if (this.#swallowing > 0) return this.#swallow();
    const opener = this.#opener;
    if (this.#packetLength === undefined) {
      if (!this.#gather(Math.max(4, opener.headBytes))) return undefined;
      const { buffer, offset } = this.#front();
      const length = opener.readLength(this.sequence, buffer, offset);
      if (!isPossibleLength(length, opener)) return this.#refuseLength(length);
      this.#packetLength = length;
    }
    const packetLength = this.#packetLength;
    const totalBytes = 4 + packetLength + opener.trailerBytes;
    if (!this.#gather(totalBytes)) return undefined;
    const { buffer, offset } = this.#front();
    const body = this.#open(opener, buffer, offset, packetLength);
    if (body === undefined) return undefined;
    this.#skip(totalBytes);
    this.#packetLength = undefined;
    this.sequence = (this.sequence + 1) >>> 0;
    this.packetsSinceKeys++;
    this.bytesSinceKeys += totalBytes;
    this.#lastBytes = totalBytes;
    const payload = withoutPadding(body);
    if (!this.#compressed) return payload;
    this.#inflater ??= createInflater();
    return this.#inflater.inflate(payload);
  }

  /** NEWKEYS: later packets are opened with new keys. */
  setProtection(opener: PacketOpener, resetSequence: boolean): void {
    this.#opener = opener;
    if (resetSequence) this.sequence = 0;
    this.packetsSinceKeys = 0;
    this.bytesSinceKeys = 0;
  }

  /** From the next packet on: a fresh compression context, or none (RFC 4253 §6.2: initialised after each key exchange). */
  setCompression(compressed: boolean): void {
    this.#compressed = compressed;
    this.#inflater = undefined;
  }

  /** A context that has been used cannot be handed to another process. */
  get hasCompressionContext(): boolean {
    return this.#inflater !== undefined;
  }

  exportState(): PacketProtectionState {
    return this.#opener.exportState();
  }

  /** Makes sure that `byteCount` bytes lie in one piece at the front; false where they are not there yet. */
  #gather(byteCount: number): boolean {
    const heldBytes = this.#heldEnd - this.#heldStart;
    if (heldBytes === 0 || heldBytes >= byteCount) {
      return heldBytes >= byteCount || this.#chunk.length - this.#chunkAt >= byteCount;
    }
    this.#moveToHeld(Math.min(byteCount - heldBytes, this.#chunk.length - this.#chunkAt));
    return this.#heldEnd - this.#heldStart >= byteCount;
  }

  #front(): { buffer: Buffer; offset: number } {
    return this.#heldEnd > this.#heldStart
      ? { buffer: this.#held, offset: this.#heldStart }
      : { buffer: this.#chunk, offset: this.#chunkAt };
  }

  #skip(byteCount: number): void {
    if (this.#heldEnd === this.#heldStart) {
      this.#chunkAt += byteCount;
      return;
    }
    this.#heldStart += byteCount;
    if (this.#heldStart !== this.#heldEnd) return;
    this.#heldStart = 0;
    this.#heldEnd = 0;
    // An idle connection keeps no buffer of its own.
    if (this.#held.length <= smallBytes) return;
    if (this.#held.length > spare.length) spare = this.#held;
    this.#held = nothing;
  }

  #moveToHeld(byteCount: number): void {
    if (byteCount === 0) return;
    const heldBytes = this.#heldEnd - this.#heldStart;
    if (this.#held.length - this.#heldEnd < byteCount) {
      const wanted = heldBytes + byteCount;
      // A packet under way tells how much is to come, so that growing copies once. Where unread packets pile up, doubling keeps a
      // peer that sends byte by byte from having us copy all of them for each.
      const room = Math.max(
        wanted,
        this.#packetLength === undefined ? 2 * heldBytes : 4 + this.#packetLength + this.#opener.trailerBytes,
      );
      const target = this.#held.length >= room ? this.#held : takeBuffer(room);
      this.#held.copy(target, 0, this.#heldStart, this.#heldEnd);
      this.#held = target;
      this.#heldStart = 0;
      this.#heldEnd = heldBytes;
    }
    this.#chunk.copy(this.#held, this.#heldEnd, this.#chunkAt, this.#chunkAt + byteCount);
    this.#heldEnd += byteCount;
    this.#chunkAt += byteCount;
  }

  #refuseLength(length: number): undefined {
    if (!this.#opener.hidesBadLength) throw badLength(length);
    return this.#beginSwallowing();
  }

  #open(opener: PacketOpener, buffer: Buffer, offset: number, packetLength: number): Buffer | undefined {
    try {
      return opener.open(this.sequence, buffer, offset, packetLength);
    } catch (error) {
      // A wrong MAC that is told of where the packet ends would tell its length.
      if (opener.hidesBadLength) return this.#beginSwallowing();
      throw error;
    }
  }

  /**
   * Where the length is encrypted together with the body, an attacker who puts a recorded block at the front of a packet could
   * learn plaintext from how many bytes we take before we give up (CVE-2008-5161). So the largest packet's worth of bytes is read
   * after whatever is wrong, and the answer is always that of a wrong MAC.
   */
  #beginSwallowing(): undefined {
    this.#swallowing = 4 + maxPacketBytes + this.#opener.trailerBytes;
    return this.#swallow();
  }

  #swallow(): undefined {
    const byteCount = Math.min(this.#swallowing, this.bufferedBytes);
    this.#heldStart = 0;
    this.#heldEnd = 0;
    this.#chunkAt = this.#chunk.length;
    this.#swallowing -= byteCount;
    if (this.#swallowing > 0) return undefined;
    throw corruptedMac(this.sequence);
  }
}

/** Memory that nobody else holds: an allocation a packet would keep the garbage collector busy. */
function takeBuffer(byteCount: number): Buffer {
  if (byteCount <= smallBytes || byteCount > spare.length) return Buffer.allocUnsafeSlow(byteCount);
  const buffer = spare;
  spare = nothing;
  return buffer;
}

function isPossibleLength(length: number, opener: PacketOpener): boolean {
  // One byte of padding length, at least four of padding (RFC 4253 §6).
  if (length < 5 || length > maxPacketBytes) return false;
  return (length + (opener.lengthCountsForPadding ? 4 : 0)) % opener.blockBytes === 0;
}

function badLength(length: number): SshError {
  return new SshError(`Bad packet length ${length}.`, {
    code: 'bad-packet',
    stage: 'transport',
    side: 'peer',
    remedy: 'The peer and this end do not agree on the encryption, or something between them changes bytes.',
    disconnect: disconnectReasons.protocolError,
  });
}

function withoutPadding(body: Buffer): Buffer {
  const padding = body[0] as number;
  // A packet without a payload has no message number, and no meaning.
  if (padding < 4 || padding + 2 > body.length) {
    throw new SshError(`Corrupted padding length ${padding} in a packet of ${body.length} bytes.`, {
      code: 'bad-packet',
      stage: 'transport',
      side: 'peer',
      disconnect: disconnectReasons.protocolError,
    });
  }
  return body.subarray(1, body.length - padding);
}
