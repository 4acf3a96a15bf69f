/** What a message of a tun@openssh.com channel carries (OpenSSH PROTOCOL §2.3): one packet, with its address family before it. */

import type { TunnelMode } from './channels/tun-openssh.ts';

/** The address families as OpenBSD numbers them, whatever the systems at either end do. */
const families: Readonly<Record<number, number>> = { 4: 2, 6: 24 };
const familyBytes = 4;

/** No packet is shorter: the fixed headers of IPv4, IPv6 and ethernet. */
const leastIpBytes: Readonly<Record<number, number>> = { 4: 20, 6: 40 };
const leastFrameBytes = 14;

/** A packet as the channel's data; undefined for what is none. */
export function encodeTunnelPacket(mode: TunnelMode, packet: Uint8Array): Buffer | undefined {
  if (mode === 'ethernet') return packet.length < leastFrameBytes ? undefined : Buffer.from(packet);
  const version = ipVersion(packet);
  if (version === undefined) return undefined;
  const data = Buffer.allocUnsafe(familyBytes + packet.length);
  data.writeUInt32BE(families[version] as number);
  data.set(packet, familyBytes);
  return data;
}

/**
 * The packet in the channel's data, a view of it; undefined where there is none: too short, of no known family, or of another one
 * than is said. A device is never given what the kernel would have to find out about.
 */
export function decodeTunnelPacket(mode: TunnelMode, data: Buffer): Buffer | undefined {
  if (mode === 'ethernet') return data.length < leastFrameBytes ? undefined : data;
  if (data.length < familyBytes) return undefined;
  const packet = data.subarray(familyBytes);
  const version = ipVersion(packet);
  return version !== undefined && families[version] === data.readUInt32BE() ? packet : undefined;
}

function ipVersion(packet: Uint8Array): number | undefined {
  const version = (packet[0] ?? 0) >> 4;
  const least = leastIpBytes[version];
  return least === undefined || packet.length < least ? undefined : version;
}
