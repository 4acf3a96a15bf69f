/** The status of a server: read from the library's server at the moment it is asked for, which asks the processes that serve its connections. */
import { BlockList, isIPv6 } from 'node:net';
import { version } from '@nacre/ssh';
import type { ConnectionFacts, Peer, SshServer } from '@nacre/ssh/server';
import { numberOf } from '../admission.ts';
import type { SourceLimits } from '../source-limits.ts';
import type { ConnectionSelector, ConnectionStatus, EndedConnection, ServerStatus, StatusSource } from './types.ts';

/** A table of penalties may hold 65,536 sources: a list for people has an end before. */
const maxListedPenalties = 1000;

export interface StatusParts {
  readonly server: SshServer;
  readonly limits: SourceLimits;
  listeners(): ServerStatus['server']['listeners'];
  isDraining(): boolean;
  /** Whom a connection that has not logged in names. */
  attemptedUser(peer: Peer): string | undefined;
}

export class LibraryStatus implements StatusSource {
  readonly #parts: StatusParts;

  constructor(parts: StatusParts) {
    this.#parts = parts;
  }

  async snapshot(): Promise<ServerStatus> {
    const { server, limits } = this.#parts;
    const penalties = limits.penalties();
    // Asked first: what other processes carry is known once they have answered.
    const connections = await Promise.all(
      server.connections.map(async ({ peer, facts }) =>
        connectionStatus(numberOf(peer), await facts(), this.#parts.attemptedUser(peer)),
      ),
    );
    const active = penalties.filter(({ isActive }) => isActive).length;
    return {
      server: {
        version,
        processId: process.pid,
        uptimeSeconds: process.uptime(),
        listeners: this.#parts.listeners(),
        isDraining: this.#parts.isDraining(),
        totals: server.totals,
        penaltyCounts: { active, deferred: penalties.length - active },
        penaltiesEarned: Object.fromEntries(limits.earned),
      },
      connections,
      penalties: penalties.slice(0, maxListedPenalties),
    };
  }

  async kick(selector: ConnectionSelector, reason: string): Promise<readonly EndedConnection[]> {
    const fits = compileSelector(selector);
    const ended = this.#parts.server.connections.map(async (served) => {
      const { peer } = served;
      const user = (await served.facts()).login?.user;
      const found = { id: numberOf(peer), user, address: peer.address, port: peer.port };
      if (!fits(found)) return [];
      served.end(reason);
      return [found];
    });
    return (await Promise.all(ended)).flat();
  }
}

function connectionStatus(id: number, facts: ConnectionFacts, attemptedUser: string | undefined): ConnectionStatus {
  const { peer, ageMs, phase, algorithms, login, channels, bytesReceived, bytesSent, rekeys } = facts;
  const { address, port, localAddress, localPort, hostName, identification: client } = peer;
  return {
    ...{ id, address, port, localAddress, localPort, hostName, client, phase, bytesReceived, bytesSent, rekeys },
    ageSeconds: ageMs / 1000,
    algorithms: algorithms && {
      kex: algorithms.kex,
      hostKey: algorithms.hostKey,
      ciphers: [algorithms.clientToServer.cipher, algorithms.serverToClient.cipher],
    },
    attemptedUser: login === undefined ? attemptedUser : undefined,
    login: login && { ...login, ageSeconds: login.ageMs / 1000 },
    channels: channels.map(({ ageMs: channelAgeMs, ...channel }) => ({ ...channel, ageSeconds: channelAgeMs / 1000 })),
  };
}

/** Whether a connection is meant. An address that is none fits nothing. */
export function compileSelector(selector: ConnectionSelector): (connection: EndedConnection) => boolean {
  switch (selector.kind) {
    case 'user':
      return ({ user }) => user === selector.user;
    case 'connection':
      return ({ id }) => id === selector.id;
    case 'socket':
      return ({ address, port }) => address === selector.address && port === selector.port;
    case 'address': {
      const list = networkOf(selector.address);
      const family = familyOf(selector.address.split('/')[0] ?? '');
      // The list would take ::/0 for every IPv4 address as well.
      return ({ address }) => address !== undefined && familyOf(address) === family && list.check(address, family);
    }
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}

function networkOf(text: string): BlockList {
  const list = new BlockList();
  const [address = '', bits] = text.split('/');
  const family = familyOf(address);
  try {
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  } catch {
    // What is no network holds no address.
  }
  return list;
}
