/** BindInterface: the address that an interface of this machine has. */
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { FatalError } from './end.ts';
import type { Request } from './request.ts';

export interface InterfaceAddress {
  readonly localAddress: string;
  readonly family: 4 | 6;
}

/**
 * The address to connect from. Of both families the one that the host's address has counts, else IPv4: the way to the other is
 * `-6`, since one address of ours reaches one family only.
 *
 * @throws FatalError where the interface has no address that will do.
 */
export function addressOfInterface(name: string, { settings, host }: Request): InterfaceAddress {
  const { addressFamily } = settings;
  const wanted = addressFamily === 'inet' ? [4] : addressFamily === 'inet6' || isIPv6(host) ? [6] : [4, 6];
  const addresses = networkInterfaces()[name] ?? [];
  for (const family of wanted as (4 | 6)[]) {
    const isLinkLocal = (address: string) => family === 6 && /^fe[89ab]/i.test(address);
    const found = addresses.find((each) => each.family === `IPv${family}` && !isLinkLocal(each.address));
    if (found !== undefined) return { localAddress: found.address, family };
  }
  throw new FatalError(`getifaddrs: ${name}: no suitable addresses`);
}
