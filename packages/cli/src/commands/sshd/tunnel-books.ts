/** TunnelQuota: the books of the whole server on who has how many tunnels open, and how much has passed through them. */
import { formatTunnelQuota, type TunnelQuota } from '@nacre/ssh/trust';

/** Who opens a tunnel, and what limits it. Plain data: the books may be kept in another process. */
export interface TunnelOrder {
  readonly user: string;
  /** A name of the connection that no other one ever has. */
  readonly connection: string;
  /** The fingerprint of the key that logged in, where one did. */
  readonly key: string | undefined;
  readonly quotas: readonly TunnelQuota[];
}

export type TunnelAnswer = { readonly ticket: number } | { readonly refusal: string };

export interface TunnelBooks {
  open(order: TunnelOrder): Promise<TunnelAnswer>;
  /**
   * So many bytes more have passed.
   *
   * @returns why the tunnel has to end; undefined where it may go on.
   */
  count(ticket: number, byteCount: number): Promise<string | undefined>;
  /** The tunnel is closed; so many bytes have passed since the last count. */
  close(ticket: number, byteCount: number): Promise<void>;
  /** A connection has ended: nothing is kept of it. */
  forget(connection: string): Promise<void>;
}

interface Account {
  open: number;
  bytes: number;
  sinceSeconds: number;
}

interface Ticket {
  readonly order: TunnelOrder;
  bytes: number;
}

/** The books of the process that keeps them. They last as long as it does: no new configuration and no new login forgets them. */
export class LocalTunnelBooks implements TunnelBooks {
  readonly #now: () => number;
  readonly #accounts = new Map<string, Account>();
  readonly #tickets = new Map<number, Ticket>();
  #lastTicket = 0;

  /** @param now - seconds of a clock that never goes back. */
  constructor(now: () => number = () => performance.now() / 1000) {
    this.#now = now;
  }

  async open(order: TunnelOrder): Promise<TunnelAnswer> {
    const full = order.quotas.find((quota) => {
      const { open, bytes } = this.#accountOf(order, quota);
      return open >= (quota.connections ?? Number.POSITIVE_INFINITY) || bytes >= (quota.totalBytes ?? open + bytes + 1);
    });
    if (full !== undefined) {
      this.#clean(order);
      return { refusal: named(full) };
    }
    for (const account of this.#accountsOf(order)) account.open++;
    this.#tickets.set(++this.#lastTicket, { order, bytes: 0 });
    return { ticket: this.#lastTicket };
  }

  async count(ticket: number, byteCount: number): Promise<string | undefined> {
    const held = this.#tickets.get(ticket);
    if (held === undefined) return 'the tunnel is not in the books';
    held.bytes += byteCount;
    for (const account of this.#accountsOf(held.order)) account.bytes += byteCount;
    const over = held.order.quotas.find(
      (quota) =>
        held.bytes > (quota.bytes ?? Number.POSITIVE_INFINITY) ||
        this.#accountOf(held.order, quota).bytes > (quota.totalBytes ?? Number.POSITIVE_INFINITY),
    );
    return over && named(over);
  }

  async close(ticket: number, byteCount: number): Promise<void> {
    const held = this.#tickets.get(ticket);
    if (held === undefined) return;
    this.#tickets.delete(ticket);
    for (const account of this.#accountsOf(held.order)) {
      account.bytes += byteCount;
      account.open--;
    }
    this.#clean(held.order);
  }

  async forget(connection: string): Promise<void> {
    for (const [name, { open }] of this.#accounts) {
      if (open === 0 && name.startsWith(`connection ${connection} `)) this.#accounts.delete(name);
    }
  }

  /** How much is remembered, for those who watch the memory. */
  get size(): number {
    return this.#accounts.size + this.#tickets.size;
  }

  /** Each account once: two quotas may share one. */
  #accountsOf(order: TunnelOrder): Set<Account> {
    return new Set(order.quotas.map((quota) => this.#accountOf(order, quota)));
  }

  #accountOf(order: TunnelOrder, quota: TunnelQuota): Account {
    const name = nameOf(order, quota);
    const now = this.#now();
    let account = this.#accounts.get(name);
    if (account === undefined) {
      account = { open: 0, bytes: 0, sinceSeconds: now };
      this.#accounts.set(name, account);
    }
    if (quota.everySeconds !== undefined && now - account.sinceSeconds >= quota.everySeconds) {
      account.bytes = 0;
      account.sinceSeconds = now;
    }
    return account;
  }

  /** What nobody asks for any more: no tunnel is open, and no bytes are to be remembered. */
  #clean(order: TunnelOrder): void {
    for (const quota of order.quotas) {
      const name = nameOf(order, quota);
      const account = this.#accounts.get(name);
      if (account?.open === 0 && (account.bytes === 0 || quota.totalBytes === undefined)) this.#accounts.delete(name);
    }
  }
}

/** Quotas of one holder over one time share an account; a login without a key is counted as its user's. */
function nameOf({ user, connection, key }: TunnelOrder, { per, everySeconds, totalBytes }: TunnelQuota): string {
  const kept = totalBytes === undefined ? 'open' : (everySeconds ?? 'ever');
  if (per === 'connection') return `connection ${connection} ${kept}`;
  return per === 'key' && key !== undefined ? `key ${key} ${kept}` : `user ${user} ${kept}`;
}

function named(quota: TunnelQuota): string {
  return `TunnelQuota ${formatTunnelQuota(quota)} is used up`;
}
