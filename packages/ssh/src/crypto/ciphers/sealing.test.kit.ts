/** Seals as the packet writer does: in place where the sealer can. */
import type { PacketSealer } from '../packet-protection.ts';

export function sealOnto(out: Buffer[], sealer: PacketSealer, sequence: number, packet: Buffer): void {
  if (sealer.inPlace === undefined) {
    sealer.seal(sequence, packet, out);
    return;
  }
  const sealed = Buffer.concat([packet, Buffer.alloc(sealer.trailerBytes)]);
  sealer.inPlace(sequence, sealed);
  out.push(sealed);
}
