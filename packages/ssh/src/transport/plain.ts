/** Packets before the first NEWKEYS: no encryption, no MAC (RFC 4253 §6). */
import type { PacketOpener, PacketProtectionState, PacketSealer } from '../crypto/packet-protection.ts';

const state: PacketProtectionState = { cipher: 'none', key: Buffer.alloc(0), iv: Buffer.alloc(0) };

export const plainSealer: PacketSealer = {
  blockBytes: 8,
  lengthCountsForPadding: true,
  trailerBytes: 0,
  seal: (_sequence, packet, out) => void out.push(Buffer.from(packet)),
  exportState: () => state,
};

export const plainOpener: PacketOpener = {
  headBytes: 4,
  blockBytes: 8,
  lengthCountsForPadding: true,
  trailerBytes: 0,
  readLength: (_sequence, input, offset) => input.readUInt32BE(offset),
  open: (_sequence, input, offset, packetLength) => Buffer.from(input.subarray(offset + 4, offset + 4 + packetLength)),
  exportState: () => state,
};
