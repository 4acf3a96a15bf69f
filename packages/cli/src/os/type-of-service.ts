/** IPQoS: the type of service that routers on the way may look at, set on the socket itself, since Node has no call for it. */
import { isIPv6, type Socket } from 'node:net';
import { tryPlatform } from './native.ts';

/** RFC 4594 and RFC 8622: the code points that have names, as the byte they stand in; and the three bits of RFC 791. */
const values: Readonly<Record<string, number>> = {
  ...{ ef: 0xb8, le: 0x04, lowdelay: 0x10, throughput: 0x08, reliability: 0x04 },
  ...Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`cs${index}`, index << 5])),
  ...Object.fromEntries(
    [1, 2, 3, 4].flatMap((kind) => [1, 2, 3].map((drop) => [`af${kind}${drop}`, (kind << 5) | (drop << 3)])),
  ),
};

/**
 * Sets it on a connection's stream. Streams that are no sockets of ours have none, and a system that refuses it carries the
 * packets all the same: both are told at -v only.
 *
 * @param name - a value of IPQoS, other than `none`.
 * @param say - is told at a level of debugging.
 */
export function setTypeOfService(stream: object, name: string, say: (level: 1 | 3, text: string) => void): void {
  const value = values[name] ?? Number(name);
  const { remoteAddress, _handle: handle } = stream as Partial<Socket> & { _handle?: { fd?: number } };
  const fd = handle?.fd ?? -1;
  if (remoteAddress === undefined || fd < 0 || !Number.isInteger(value)) return;
  const native = tryPlatform();
  if (native === undefined) {
    say(1, `IPQoS ${name} has no effect: this system's socket options cannot be reached`);
    return;
  }
  try {
    native.setTypeOfService(fd, isIPv6(remoteAddress) ? 6 : 4, value);
    say(
      3,
      `set_sock_tos: set socket ${fd} ${isIPv6(remoteAddress) ? 'IPV6_TCLASS' : 'IP_TOS'} 0x${value.toString(16).padStart(2, '0')}`,
    );
  } catch (error) {
    say(1, `IPQoS ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
