/** Unix sockets with a user's own rights: made, connected to and removed as the user would, whoever this process is. */
import type { Duplex } from 'node:stream';
import { type Closable, connectUnix, type ForwardedAgent, listenAgentSocket, listenOnSocket } from '@nacre/ssh/server';
import type { Account } from '../../os/index.ts';

/** The word behind `sshd` that makes the program the process which serves a user. */
export const helperWord = '--sockets-of-user';

export interface SocketRules {
  /** What is taken from the socket's mode. */
  readonly bindMask: number;
  /** A socket that lies in the way is removed. */
  readonly unlinkFirst: boolean;
}

type OnConnection = (stream: Duplex) => void;

export interface UserSockets {
  /** A socket for a lent agent, in a folder that is the user's alone. */
  listenAgent(onConnection: OnConnection): Promise<ForwardedAgent>;
  /** Undefined where the user may not, or the path is taken. */
  listen(path: string, rules: SocketRules, onConnection: OnConnection): Promise<Closable | undefined>;
  /** Rejects with the system's error. */
  connect(path: string): Promise<Duplex>;
}

/** With the rights of this very process. */
export const ownSockets: UserSockets = {
  listenAgent: (onConnection) => listenAgentSocket({ onConnection }, '/tmp'),
  listen: (path, rules, onConnection) => listenOnSocket({ path, onConnection }, rules),
  connect: (path) => connectUnix(path),
};

/** What a connection's sockets are made by. */
interface Client {
  readonly closed: Promise<unknown>;
}

const made = new WeakMap<Client, Promise<UserSockets>>();

/**
 * The sockets of a connection's user. Root does not make those of others itself: the system would look at root's rights, and
 * whoever is at the other end would take the user for root. A process of the user's does, until the connection ends.
 */
export function userSockets(client: Client, account: Account): Promise<UserSockets> {
  if (account.uid === process.getuid?.()) return Promise.resolve(ownSockets);
  const known = made.get(client);
  if (known !== undefined) return known;
  const starting = import('./user-helper.ts').then(({ startUserHelper }) => {
    const helper = startUserHelper(account);
    void client.closed.then(() => helper.end());
    // One that broke is replaced when it is needed again.
    void helper.ended.then(() => made.delete(client));
    return helper;
  });
  starting.catch(() => made.delete(client));
  made.set(client, starting);
  return starting;
}
