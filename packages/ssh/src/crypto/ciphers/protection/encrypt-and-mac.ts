/**
 * Encrypt-and-MAC, the original construction of RFC 4253 §6: length and body encrypted together, the MAC over the plaintext.
 *
 * Its weakness is that the length must be decrypted, and believed, before anything can be verified: an attacker who feeds blocks
 * and watches when and how the connection ends learns bits of a CBC block (CVE-2008-5161). The two halves of the guard:
 * - here, whatever is wrong with a packet (MAC, or a length that is no whole number of blocks) is the same error;
 * - in the packet layer: where `hidesBadLength` is set and `readLength` gives a length out of bounds or of no whole number of
 *   blocks, it must not fail at once but go on reading until the largest packet's worth of bytes has come since the packet began,
 *   and then fail with `corruptedMac` as well, so that neither the moment nor the error depends on the plaintext.
 */
import { timingSafeEqual } from '../../hash.ts';
import type { PacketOpener, PacketProtectionState, PacketSealer } from '../../packet-protection.ts';
import { exportMacedState, type MacedParts } from './block-mode.ts';
import { corruptedMac, misuse, requireWholePacket } from './requirements.ts';
import { pushSealed } from './sealed-parts.ts';

export class EncryptAndMacSealer implements PacketSealer {
  readonly blockBytes: number;
  readonly lengthCountsForPadding = true;
  readonly trailerBytes: number;
  readonly #parts: MacedParts;

  constructor(parts: MacedParts) {
    this.blockBytes = parts.blockBytes;
    this.trailerBytes = parts.mac.macBytes;
    this.#parts = parts;
  }

  seal(sequence: number, packet: Buffer, out: Buffer[]): void {
    const { mode, computeMac } = this.#parts;
    const ciphertext = mode.update(packet);
    mode.passed(ciphertext, 0, ciphertext.length);
    pushSealed(out, ciphertext, computeMac(sequence, packet));
  }

  exportState(): PacketProtectionState {
    return exportMacedState(this.#parts);
  }
}

export class EncryptAndMacOpener implements PacketOpener {
  readonly headBytes: number;
  readonly hidesBadLength?: true;
  readonly blockBytes: number;
  readonly lengthCountsForPadding = true;
  readonly trailerBytes: number;
  readonly #parts: MacedParts;
  /** The first block of the packet that `readLength` looked into; the cipher has moved past it. */
  #head: Buffer | null = null;

  constructor(parts: MacedParts) {
    this.headBytes = parts.blockBytes;
    this.blockBytes = parts.blockBytes;
    this.trailerBytes = parts.mac.macBytes;
    if (parts.chained) this.hidesBadLength = true;
    this.#parts = parts;
  }

  readLength(_sequence: number, input: Buffer, offset: number): number {
    if (this.#head !== null) throw misuse('readLength was called twice for one packet');
    if (offset + this.headBytes > input.length) throw misuse(`readLength needs ${this.headBytes} bytes at ${offset}`);
    this.#head = this.#parts.mode.update(input.subarray(offset, offset + this.headBytes));
    return this.#head.readUInt32BE(0);
  }

  open(sequence: number, input: Buffer, offset: number, packetLength: number): Buffer {
    requireWholePacket(input, offset, packetLength, this.trailerBytes);
    const head = this.#head;
    if (head === null) throw misuse('readLength comes before open');
    this.#head = null;
    if ((4 + packetLength) % this.blockBytes !== 0) throw corruptedMac(sequence);
    const { mode, computeMac } = this.#parts;
    const end = offset + 4 + packetLength;
    const rest = mode.update(input.subarray(offset + head.length, end));
    const expected = computeMac(sequence, head, rest);
    if (!timingSafeEqual(expected, input.subarray(end, end + this.trailerBytes))) throw corruptedMac(sequence);
    mode.passed(input, offset, end);
    const opened = Buffer.allocUnsafe(packetLength);
    opened.set(head.subarray(4), 0);
    opened.set(rest, head.length - 4);
    return opened;
  }

  /** As of the last finished packet: whoever goes on calls `readLength` for the pending one again. */
  exportState(): PacketProtectionState {
    return exportMacedState(this.#parts);
  }
}
