/** Packets of a tunnel, as a peer may send them. */
import { decodeTunnelPacket, encodeTunnelPacket } from '@nacre/ssh/connection';
import type { FuzzTarget } from '../target.ts';

const ipv4 = Buffer.from(`00000002${'450000140000000040010000'}7f0000017f000001`, 'hex');
const ipv6 = Buffer.from(`00000018${'6000000000003b40'}${'00'.repeat(15)}01${'00'.repeat(15)}01`, 'hex');

/** What reaches a device is a packet of the family that was said, and would go out as it came in. */
export const tunnelPacket: FuzzTarget = {
  name: 'tunnel-packet',
  seeds: [ipv4, ipv6, ipv4.subarray(4), Buffer.alloc(4), Buffer.alloc(0)],
  run(input) {
    const packet = decodeTunnelPacket('point-to-point', input);
    if (packet !== undefined) {
      const version = packet.readUInt8() >> 4;
      if (packet.length < (version === 4 ? 20 : 40)) throw new Error('a packet without its header');
      if (encodeTunnelPacket('point-to-point', packet)?.equals(input) !== true)
        throw new Error('another packet goes out');
    }
    const frame = decodeTunnelPacket('ethernet', input);
    if (frame !== undefined && (frame.length < 14 || !frame.equals(input))) throw new Error('not the frame that came');
  },
};
