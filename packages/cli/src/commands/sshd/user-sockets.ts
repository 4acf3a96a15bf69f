/** Unix sockets with a user's own rights: made, connected to and removed as the user would, whoever this process is. */
import type { Account } from '../../os/index.ts';
import { ownSockets, type UserSockets } from './own-sockets.ts';

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
