/** Where the server listens: addresses and ports of the configuration and the command line, as socket addresses. */
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import type { Settings } from './config/config.ts';
import type { Log } from './log.ts';

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
  /** The network device that the socket is bound to. */
  readonly routingDomain?: string;
}

const defaultPort = 22;

/** Resolves ListenAddress and Port; a port of a ListenAddress wins over the latter. */
export async function resolveAddresses(settings: Settings, log: Log): Promise<SocketAddress[]> {
  const ports = settings.port.length > 0 ? settings.port : [defaultPort];
  const wanted = settings.listenAddress.length > 0 ? settings.listenAddress : anywhere;
  const found: SocketAddress[] = [];
  for (const { host, port, rdomain } of wanted) {
    const addresses = await resolveHost(host, settings.addressFamily, log);
    for (const one of port === undefined ? ports : [port]) {
      for (const address of addresses) {
        found.push({ address, port: one, ...(rdomain !== undefined && { routingDomain: rdomain }) });
      }
    }
  }
  return found.filter((entry, index) => found.findIndex((other) => isSamePlace(entry, other)) === index);
}

export function isSamePlace(one: SocketAddress, other: SocketAddress): boolean {
  return one.address === other.address && one.port === other.port && one.routingDomain === other.routingDomain;
}

const anywhere = ['0.0.0.0', '::'].map((host) => ({ host, port: undefined, rdomain: undefined }));

async function resolveHost(host: string, family: Settings['addressFamily'], log: Log): Promise<string[]> {
  try {
    const found = await lookup(host, { all: true, order: 'verbatim' });
    return found
      .filter((entry) => family === 'any' || (entry.family === 6) === (family === 'inet6'))
      .map((entry) => entry.address);
  } catch (error) {
    log('ERROR', `bad addr or host: ${host} (${(error as Error).message})`);
    return [];
  }
}

/** Whether `::` must leave IPv4 to another socket. */
export function needsIpv6Only({ address }: SocketAddress): boolean {
  return isIPv6(address);
}
