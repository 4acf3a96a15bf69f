/** Encrypt-then-MAC, the -etm@openssh.com variants: the length goes in the clear, the MAC covers it and the ciphertext. */
import { protocolError } from '../../../errors.ts';
import { timingSafeEqual } from '../../hash.ts';
import type { PacketOpener, PacketProtectionState, PacketSealer, SealInPlace } from '../../packet-protection.ts';
import { exportMacedState, type MacedParts } from './block-mode.ts';
import { corruptedMac, requireWholePacket } from './requirements.ts';
import { pushSealed } from './sealed-parts.ts';

export class EncryptThenMacSealer implements PacketSealer {
  readonly blockBytes: number;
  readonly lengthCountsForPadding = false;
  readonly trailerBytes: number;
  readonly #parts: MacedParts;

  constructor(parts: MacedParts) {
    this.blockBytes = parts.blockBytes;
    this.trailerBytes = parts.mac.macBytes;
    this.#parts = parts;
  }

  seal(sequence: number, packet: Buffer, out: Buffer[]): void {
    const { mode, computeMac } = this.#parts;
    const head = Buffer.from(packet.subarray(0, 4));
    const ciphertext = mode.update(packet.subarray(4));
    mode.passed(ciphertext, 0, ciphertext.length);
    pushSealed(out, head, ciphertext, computeMac(sequence, head, ciphertext));
  }

  get inPlace(): SealInPlace | undefined {
    return this.#parts.mode.updateInto === undefined ? undefined : this.#sealInPlace;
  }

  readonly #sealInPlace: SealInPlace = (sequence, packet) => {
    const { mode, computeMac } = this.#parts;
    const end = packet.length - this.trailerBytes;
    const body = packet.subarray(4, end);
    mode.updateInto?.(body, body);
    mode.passed(packet, 4, end);
    packet.set(computeMac(sequence, packet.subarray(0, end)), end);
  };

  exportState(): PacketProtectionState {
    return exportMacedState(this.#parts);
  }
}

export class EncryptThenMacOpener implements PacketOpener {
  readonly headBytes = 4;
  readonly blockBytes: number;
  readonly lengthCountsForPadding = false;
  readonly trailerBytes: number;
  readonly #parts: MacedParts;

  constructor(parts: MacedParts) {
    this.blockBytes = parts.blockBytes;
    this.trailerBytes = parts.mac.macBytes;
    this.#parts = parts;
  }

  readLength(_sequence: number, input: Buffer, offset: number): number {
    return input.readUInt32BE(offset);
  }

  open(sequence: number, input: Buffer, offset: number, packetLength: number): Buffer {
    requireWholePacket(input, offset, packetLength, this.trailerBytes);
    const { mode, computeMac } = this.#parts;
    const end = offset + 4 + packetLength;
    const expected = computeMac(sequence, input.subarray(offset, end));
    if (!timingSafeEqual(expected, input.subarray(end, end + this.trailerBytes))) throw corruptedMac(sequence);
    // A part of a block would stay behind in the cipher and shift every later packet.
    if (packetLength % this.blockBytes !== 0) {
      throw protocolError('transport', `packet length ${packetLength} is not a multiple of ${this.blockBytes}`, {
        code: 'bad-packet',
      });
    }
    const opened = mode.update(input.subarray(offset + 4, end));
    mode.passed(input, offset + 4, end);
    return opened;
  }

  exportState(): PacketProtectionState {
    return exportMacedState(this.#parts);
  }
}
