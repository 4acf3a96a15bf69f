/** Ports that clients have us listen on (GatewayPorts): which addresses a request comes to, and the listeners there. */
import { lookup } from 'node:dns/promises';
import { createServer, isIP, isIPv6, type Server } from 'node:net';
import type { Listening, ListenRequest } from '@nacre/ssh/server';
import type { Settings } from './config/config.ts';

type GatewaySettings = Pick<Settings, 'gatewayPorts' | 'addressFamily'>;

const loopback = ['127.0.0.1', '::1'];
const everywhere = ['0.0.0.0', '::'];

/**
 * Listens on as many of the addresses as can be had; the first port that the system chooses holds for all of them.
 *
 * @param mayListen - asked of each address with its port, as soon as that is known.
 * @returns undefined where there is none.
 */
export async function listenForClient(
  request: ListenRequest,
  settings: GatewaySettings,
  mayListen: (address: string, port: number) => boolean = () => true,
): Promise<Listening | undefined> {
  const servers: Server[] = [];
  let { port } = request;
  for (const host of await resolve(addressesFor(request.address, settings.gatewayPorts))) {
    if (!isOfFamily(host, settings.addressFamily)) continue;
    if (port !== 0 && !mayListen(host, port)) continue;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      request.onConnection(socket, { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 });
    });
    const bound = await bind(server, host, port);
    if (bound === undefined) continue;
    if (port === 0 && !mayListen(host, bound)) {
      server.close();
      continue;
    }
    servers.push(server);
    port = bound;
  }
  if (servers.length === 0) return undefined;
  const close = () => {
    for (const server of servers) server.close();
  };
  return { port, close };
}

/** sshd_config(5), GatewayPorts: an address of the client's counts where it may choose, or names this machine alone. */
export function addressesFor(address: string, gatewayPorts: Settings['gatewayPorts']): readonly string[] {
  if (gatewayPorts === 'no') return loopback.includes(address) ? [address] : loopback;
  if (gatewayPorts === 'yes' || address === '' || address === '*') return everywhere;
  return address === 'localhost' ? loopback : [address];
}

async function resolve(hosts: readonly string[]): Promise<string[]> {
  const found = hosts.map(async (host) => {
    if (isIP(host) !== 0) return [host];
    try {
      return (await lookup(host, { all: true })).map(({ address }) => address);
    } catch {
      return [];
    }
  });
  return (await Promise.all(found)).flat();
}

function isOfFamily(host: string, family: Settings['addressFamily']): boolean {
  return family === 'any' || isIPv6(host) === (family === 'inet6');
}

/** The port, or undefined where it cannot be had. */
function bind(server: Server, host: string, port: number): Promise<number | undefined> {
  return new Promise((settle) => {
    server.once('error', () => settle(undefined));
    server.listen({ host, port, ipv6Only: isIPv6(host) }, () => {
      // Out of descriptors, say: the next connection may find some again.
      server.removeAllListeners('error').on('error', () => {});
      const bound = server.address();
      settle(typeof bound === 'object' && bound !== null ? bound.port : port);
    });
  });
}
