/** The ports of a server: opened as far as they can be, held while the configuration changes, said in the log. */
import type { OpenPort, SshServer } from '@nacre/ssh/server';
import { platform } from '../../os/index.ts';
import { isSamePlace, needsIpv6Only, type SocketAddress } from './addresses.ts';
import type { Log } from './log.ts';

/** A place that is open. */
export interface Port extends SocketAddress {
  stop(): void;
}

/** Opens what is not open yet, as far as it can; a family that this machine lacks is no reason to give up the other. */
export async function openPorts(
  server: SshServer,
  wanted: readonly SocketAddress[],
  held: readonly Port[],
  log: Log,
): Promise<Port[]> {
  const open: Port[] = [];
  for (const entry of wanted) {
    const { address, port } = entry;
    try {
      const bound = held.find((other) => isSamePlace(entry, other)) ?? (await openPort(server, entry));
      tell(bound, log);
      open.push(bound);
    } catch (error) {
      const reason = ((error as Error).cause as Error | undefined)?.message ?? (error as Error).message;
      log('ERROR', `Bind to port ${port} on ${address}${domainWords(entry)} failed: ${reason}.`);
    }
  }
  return open;
}

/** Serves sockets that are open already. What ListenAddress and Port say has no part in it. */
export async function takePorts(server: SshServer, descriptors: readonly number[], log: Log): Promise<Port[]> {
  const open: Port[] = [];
  for (const descriptor of descriptors) {
    const port = withDomain(await server.listenOn(descriptor), platform().getBoundDevice(descriptor) || undefined);
    tell(port, log);
    open.push(port);
  }
  return open;
}

async function openPort(server: SshServer, entry: SocketAddress): Promise<Port> {
  const { address, port, routingDomain } = entry;
  if (routingDomain === undefined) return server.listen(port, address, { ipv6Only: needsIpv6Only(entry) });
  return withDomain(await server.listenOn(platform().listenOnDevice(routingDomain, address, port)), routingDomain);
}

function withDomain(listening: OpenPort, routingDomain: string | undefined): Port {
  return routingDomain === undefined ? listening : { ...listening, routingDomain };
}

function tell(port: Port, log: Log): void {
  log('INFO', `Server listening on ${port.address} port ${port.port}${domainWords(port)}.`);
}

function domainWords({ routingDomain }: SocketAddress): string {
  return routingDomain === undefined ? '' : ` rdomain ${routingDomain}`;
}
