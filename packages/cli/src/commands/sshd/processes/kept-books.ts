/** TunnelQuota over processes: a session host asks the monitor, which knows for whom, and closes what a host leaves behind. */

import type { PublicKey } from '@nacre/ssh/keys';
import { fingerprint } from '@nacre/ssh/keys';
import type { Settings } from '../config/config.ts';
import type { TunnelAnswer, TunnelBooks, TunnelOrder } from '../tunnel-books.ts';
import type { Calls } from './calls.ts';
import type { HostTable, MonitorTable } from './tables.ts';

/** More open tunnels than this no connection has use for. */
const maxTickets = 10_000;

/** One connection's, in the monitor: whatever its host says, it is this user's with these quotas. */
export class KeptBooks {
  readonly #books: TunnelBooks;
  readonly #order: TunnelOrder;
  readonly #tickets = new Set<number>();

  constructor(books: TunnelBooks, id: number, user: string, keys: readonly PublicKey[], settings: Settings) {
    this.#books = books;
    const key = keys.length === 0 ? undefined : keys.map((each) => fingerprint(each)).join(' ');
    this.#order = { user, connection: String(id), key, quotas: settings.tunnelQuotas };
  }

  async open(): Promise<TunnelAnswer> {
    if (this.#tickets.size >= maxTickets) return { refusal: 'these are more tunnels than anybody needs' };
    const answer = await this.#books.open(this.#order);
    if ('ticket' in answer) this.#tickets.add(answer.ticket);
    return answer;
  }

  async count(ticket: number, byteCount: number): Promise<string | undefined> {
    if (!this.#tickets.has(ticket)) return 'the tunnel is not in the books';
    return this.#books.count(ticket, positive(byteCount));
  }

  async close(ticket: number, byteCount: number): Promise<void> {
    if (this.#tickets.delete(ticket)) await this.#books.close(ticket, positive(byteCount));
  }

  /** The connection has ended. */
  async forget(): Promise<void> {
    await Promise.all([...this.#tickets].map((ticket) => this.close(ticket, 0)));
    await this.#books.forget(this.#order.connection);
  }
}

/** Nobody gets bytes back. */
function positive(byteCount: number): number {
  return Number.isFinite(byteCount) && byteCount > 0 ? byteCount : 0;
}

/** The same connection's, in its session host: whom it is for, the monitor knows. */
export function remoteBooks(id: number, monitor: Calls<MonitorTable, HostTable>): TunnelBooks {
  return {
    open: () => monitor.call('openTunnel', { id }),
    count: (ticket, byteCount) => monitor.call('countTunnel', { id, ticket, byteCount }),
    close: (ticket, byteCount) => monitor.call('closeTunnel', { id, ticket, byteCount }),
    // The monitor does, at the connection's end.
    forget: async () => {},
  };
}
