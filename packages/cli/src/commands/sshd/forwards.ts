/** What a login may have forwarded, and how it is done: the configuration's word on ports and sockets, with the user's rights. */
import type { Duplex } from 'node:stream';
import { connectTcp, connectTcpAmong, type ServerConnection, type ServerOptions } from '@nacre/ssh/server';
import type { Admitted } from './admission.ts';
import type { Settings } from './config/config.ts';
import { lendAgent, lendDisplay } from './lent.ts';
import { loggedName } from './log.ts';
import { listenForClient } from './remote-listeners.ts';
import type { TunnelBooks } from './tunnel-books.ts';
import { TunnelGate } from './tunnel-gate.ts';
import { watchTunnel } from './tunnel-log.ts';
import { userSockets } from './user-sockets.ts';

type Forwards = Pick<
  Required<ServerOptions>,
  'forwardTcp' | 'forwardUnix' | 'listen' | 'listenUnix' | 'agentForwarding' | 'x11Forwarding'
>;

/** The system cuts longer paths short: another socket than was asked for. */
const maxSocketPathBytes = 107;
const firstUnprivilegedPort = 1024;

export function buildForwards(admission: Admitted, books: TunnelBooks): Forwards {
  const gate = new TunnelGate(admission, books);
  const watch = ({ peer, user }: ServerConnection) => watchTunnel(admission.logFor(peer), user, peer);
  /** A connection that has come for the client. */
  const receive = async <Stream extends Duplex>(
    connection: ServerConnection,
    name: string,
    stream: Stream,
    onConnection: (stream: Duplex) => void,
  ): Promise<void> => {
    // Until it is carried nobody else listens.
    stream.on('error', () => {});
    const carried = await gate.carry(connection, name, async () => stream);
    if (carried === undefined) stream.destroy();
    else onConnection(carried);
  };
  return {
    forwardTcp: async (request, connection) => {
      const { settings } = admission.requireCandidate(connection.peer);
      if (!may(settings, settings.allowTcpForwarding, 'local')) return undefined;
      const ways = await gate.findWays(request, connection);
      if (ways === undefined) return undefined;
      const name = `direct-tcpip to ${loggedName(request.host)} port ${request.port}`;
      return gate.carry(connection, name, () =>
        ways === 'anywhere' ? connectTcp(request) : connectTcpAmong(request, ways),
      );
    },
    forwardUnix: async (path, connection) => {
      const { account, settings } = admission.requireCandidate(connection.peer);
      if (!may(settings, settings.allowStreamLocalForwarding, 'local') || !isSocketPath(path)) return undefined;
      const found = await gate.findSocket(path, 'direct-streamlocal', connection);
      if (found === undefined) return undefined;
      const sockets = await userSockets(connection, account);
      return gate.carry(connection, `direct-streamlocal to ${loggedName(path)}`, () => sockets.connect(found));
    },
    listen: async (request, connection) => {
      const { account, settings } = admission.requireCandidate(connection.peer);
      if (!may(settings, settings.allowTcpForwarding, 'remote')) return undefined;
      // This process may be root's: what only root may do, it does for root only.
      if (request.port !== 0 && request.port < firstUnprivilegedPort && account.uid !== 0) return undefined;
      const host = request.address || '*';
      const onConnection: typeof request.onConnection = (stream, from) => {
        const name = `forwarded-tcpip at ${loggedName(host)} from ${from.address} port ${from.port}`;
        void receive(connection, name, stream, (carried) => request.onConnection(carried, from));
      };
      return listenForClient({ ...request, onConnection }, settings, (address, port) =>
        gate.mayListen({ host, address, port }, connection),
      );
    },
    listenUnix: async ({ path, onConnection }, connection) => {
      const { account, settings } = admission.requireCandidate(connection.peer);
      if (!may(settings, settings.allowStreamLocalForwarding, 'remote') || !isSocketPath(path)) return undefined;
      // As in OpenSSH, who may have no port here has no socket either.
      if (!may(settings, settings.allowTcpForwarding, 'remote')) return undefined;
      const found = await gate.findSocket(path, 'streamlocal-forward', connection);
      if (found === undefined) return undefined;
      const sockets = await userSockets(connection, account);
      const rules = { bindMask: settings.streamLocalBindMask, unlinkFirst: settings.streamLocalBindUnlink };
      const name = `forwarded-streamlocal at ${loggedName(path)}`;
      return sockets.listen(found, rules, (stream) => void receive(connection, name, stream, onConnection));
    },
    agentForwarding: ({ onConnection }, connection) =>
      lendAgent({ onConnection: (stream) => onConnection(watch(connection)(stream, 'agent')) }, connection, admission),
    x11Forwarding: (request, connection) => {
      const onConnection: typeof request.onConnection = (stream, from) =>
        request.onConnection(watch(connection)(stream, 'X11'), from);
      return lendDisplay({ ...request, onConnection }, connection, admission);
    },
  };
}

function may({ disableForwarding }: Settings, allowed: string, direction: 'local' | 'remote'): boolean {
  return !disableForwarding && (allowed === 'yes' || allowed === direction);
}

/** What begins with a NUL is a name that the system's file permissions say nothing of. */
function isSocketPath(path: string): boolean {
  return path !== '' && !path.includes('\0') && Buffer.byteLength(path) <= maxSocketPathBytes;
}
