/** Real sockets for what clients lend and for what they listen on: pass these as `agentForwarding`, `x11Forwarding`, `listenUnix`. */
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { listenOnPath, type PathListenOptions } from '../io/index.ts';
import type {
  AgentForwardRequest,
  Closable,
  ForwardedAgent,
  ForwardedDisplay,
  ListenUnixRequest,
  X11ForwardRequest,
} from './options.ts';

/**
 * Makes a socket for a forwarded agent, with mode 0600 in a folder of its own with mode 0700: nobody else may ask the client's
 * agent. Both are gone when it is closed.
 *
 * @param parentFolder - where the folder is made: `/tmp`, or one of the user's.
 * @example
 * createServer({ …, agentForwarding: (request) => listenAgentSocket(request, tmpdir()) });
 */
export async function listenAgentSocket(request: AgentForwardRequest, parentFolder: string): Promise<ForwardedAgent> {
  const folder = await mkdtemp(`${parentFolder}/ssh-`);
  const path = `${folder}/agent.${process.pid}`;
  // At once: whoever closes it may be about to end the process.
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  try {
    const server = await listenOnPath(path, (socket) => request.onConnection(socket));
    return {
      path,
      close() {
        server.close();
        try {
          removeFolder();
        } catch {
          // Somebody took it away or put a mount point there: it is theirs now.
        }
      },
    };
  } catch (error) {
    removeFolder();
    throw error;
  }
}

/**
 * Listens on a Unix socket for the client.
 *
 * @returns undefined where the path is taken or not allowed.
 */
export async function listenOnSocket(
  request: ListenUnixRequest,
  options: PathListenOptions = {},
): Promise<Closable | undefined> {
  try {
    const server = await listenOnPath(request.path, (socket) => request.onConnection(socket), options);
    return { close: () => void server.close() };
  } catch {
    return undefined;
  }
}

export interface X11ListenOptions {
  /** The first display number tried (X11DisplayOffset). Default 10: lower ones may be real displays. */
  readonly displayOffset?: number;
  /** The name others reach this machine by: listens for them too (X11UseLocalhost no). Default: only this machine's programs. */
  readonly hostName?: string;
}

/** A display for programs here, whose connections go to the client's. */
export interface ListeningDisplay extends ForwardedDisplay {
  /** What xauth is to know it by. */
  readonly xauthDisplay: string;
  readonly number: number;
}

const firstPort = 6000;
const maxDisplays = 1000;

/**
 * Takes a free display number and listens there.
 *
 * @returns undefined where all thousand numbers are taken.
 */
export async function listenX11(
  request: X11ForwardRequest,
  options: X11ListenOptions = {},
): Promise<ListeningDisplay | undefined> {
  const { displayOffset = 10, hostName } = options;
  const addresses = hostName === undefined ? ['127.0.0.1', '::1'] : ['::', '0.0.0.0'];
  for (let number = displayOffset; number < displayOffset + maxDisplays && number + firstPort <= 65535; number++) {
    const servers = await listenOnAll(addresses, number + firstPort, request);
    if (servers === undefined) continue;
    return {
      number,
      display: `${hostName ?? 'localhost'}:${number}.${request.screen}`,
      // Connections from this machine are looked up under "unix", however they come.
      xauthDisplay: `${hostName ?? 'unix'}:${number}.${request.screen}`,
      close() {
        for (const server of servers) server.close();
      },
    };
  }
  return undefined;
}

/**
 * What xauth reads (`xauth -q -`) so that programs find the cookie.
 *
 * @throws never: both texts of the request were checked before anybody saw them.
 */
export function formatXauthCommands(request: X11ForwardRequest, { xauthDisplay }: ListeningDisplay): string {
  return `remove ${xauthDisplay}\nadd ${xauthDisplay} ${request.authProtocol} ${request.authCookie}\n`;
}

/** All addresses that this machine has, or none: a display that somebody else serves on one of them would be asked in our place. */
async function listenOnAll(
  addresses: readonly string[],
  port: number,
  request: X11ForwardRequest,
): Promise<Server[] | undefined> {
  const servers: Server[] = [];
  for (const host of addresses) {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      request.onConnection(socket, { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 });
    });
    const code = await bind(server, host, port);
    if (code === undefined) servers.push(server);
    else if (code === 'EADDRINUSE' || code === 'EACCES') {
      for (const each of servers) each.close();
      return undefined;
    }
  }
  return servers.length === 0 ? undefined : servers;
}

/** The system's error, if there is one. */
function bind(server: Server, host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, ipv6Only: host.includes(':') }, () => {
      server.removeAllListeners('error').on('error', () => {});
      resolve(undefined);
    });
  });
}
