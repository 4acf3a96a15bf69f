/** TunnelPolicy and TunnelQuota: whether a tunnel may be, where it may lead, and how much may pass through it. */
import { randomUUID } from 'node:crypto';
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { realpath } from 'node:fs/promises';
import { isIP } from 'node:net';
import { basename, dirname, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { fingerprint } from '@nacre/ssh/keys';
import type { ServerConnection } from '@nacre/ssh/server';
import { findDenial, judgeByName, type TunnelQuota, type TunnelRule } from '@nacre/ssh/trust';
import { type Admitted, describe } from './admission.ts';
import { loggedName } from './log.ts';
import { MeteredStream } from './metered-stream.ts';
import type { TunnelBooks } from './tunnel-books.ts';
import { watchTunnel } from './tunnel-log.ts';

/** Bytes that pass before the books hear of them: each time may be a message to another process. */
const bytesPerCount = 64 * 1024;

/** Asks the rules and the books for the tunnels of connections. */
export class TunnelGate {
  readonly #admission: Admitted;
  readonly #books: TunnelBooks;
  readonly #names = new WeakMap<ServerConnection, string>();

  constructor(admission: Admitted, books: TunnelBooks) {
    this.#admission = admission;
    this.#books = books;
  }

  /**
   * The addresses at which a host may be reached. They are looked up here and nowhere else: whoever connects is to take these, so
   * that a name cannot lead elsewhere the second time (DNS rebinding).
   *
   * @returns `anywhere` where the rules do not ask for addresses, undefined where it may not be reached.
   * @throws the system's error for a name that has no address.
   */
  async findWays(
    { host, port }: { readonly host: string; readonly port: number },
    connection: ServerConnection,
  ): Promise<readonly LookupAddress[] | 'anywhere' | undefined> {
    const rules = this.#rulesOf(connection);
    if (rules.length === 0) return 'anywhere';
    const what = `direct-tcpip to ${loggedName(host)} port ${port}`;
    const verdict = judgeByName(rules, { direction: 'local', host, port });
    if (verdict !== 'unknown') {
      if (verdict.denial === undefined) return 'anywhere';
      return this.#refuse(connection, what, told(verdict.denial));
    }
    const family = isIP(host);
    const found = family === 0 ? await lookup(host, { all: true, order: 'verbatim' }) : [{ address: host, family }];
    const denials = found.map(({ address }) => findDenial(rules, { direction: 'local', host, port, address }));
    const ways = found.filter((_, index) => denials[index] === undefined);
    const denial = denials.find((rule) => rule !== undefined);
    return ways.length === 0 && denial !== undefined ? this.#refuse(connection, what, told(denial)) : ways;
  }

  /** Whether the server may listen for a client. Asked with the port that it is, once it is known. */
  mayListen(
    { host, address, port }: { readonly host: string; readonly address: string; readonly port: number },
    connection: ServerConnection,
  ): boolean {
    const denial = findDenial(this.#rulesOf(connection), { direction: 'remote', host, port, address });
    if (denial === undefined) return true;
    this.#refuse(connection, `tcpip-forward at ${loggedName(host)} (${address}) port ${port}`, told(denial));
    return false;
  }

  /**
   * The path at which a socket may be reached or made: without symbolic links where there are rules, so that none that is changed
   * later leads elsewhere.
   */
  async findSocket(path: string, kind: string, connection: ServerConnection): Promise<string | undefined> {
    const rules = this.#rulesOf(connection);
    if (rules.length === 0) return path;
    const plain = resolve('/', path);
    const realPath = await withoutLinks(plain);
    const denial = findDenial(rules, { direction: 'socket', path: plain, realPath });
    return denial === undefined ? realPath : this.#refuse(connection, `${kind} at ${loggedName(path)}`, told(denial));
  }

  /**
   * Has the stream of a tunnel opened, within the quotas, and writes of it into the log.
   *
   * @param name - of the tunnel, with the client's words made harmless.
   * @returns undefined where a quota is used up.
   */
  async carry(
    connection: ServerConnection,
    name: string,
    open: () => Promise<Duplex | undefined>,
  ): Promise<Duplex | undefined> {
    const { peer, user, keys } = connection;
    const watch = watchTunnel(this.#admission.logFor(peer), user, peer);
    const quotas = this.#admission.settingsOf(peer).tunnelQuotas;
    if (quotas.length === 0) {
      const stream = await open();
      return stream && watch(stream, name);
    }
    const key = keys.length === 0 ? undefined : keys.map((each) => fingerprint(each)).join(' ');
    const answer = await this.#books.open({ user, connection: this.#nameOf(connection), key, quotas });
    if ('refusal' in answer) return this.#refuse(connection, name, answer.refusal);
    let stream: Duplex | undefined;
    try {
      stream = await open();
    } finally {
      if (stream === undefined || stream.destroyed) await this.#books.close(answer.ticket, 0);
    }
    if (stream === undefined || stream.destroyed) return undefined;
    const stop = (reason: string) => this.#say(connection, 'tunnel-stopped', `Tunnel stopped: ${name}`, reason);
    return watch(meter(stream, quotas, answer.ticket, this.#books, stop), name);
  }

  #rulesOf({ peer }: ServerConnection): readonly TunnelRule[] {
    return this.#admission.settingsOf(peer).tunnelPolicy;
  }

  /** For the books; they forget it when the connection ends. */
  #nameOf(connection: ServerConnection): string {
    let name = this.#names.get(connection);
    if (name === undefined) {
      const made = randomUUID();
      this.#names.set(connection, made);
      // Behind the tunnels, which the end of the connection closes.
      void connection.closed.then(() => setImmediate(() => void this.#books.forget(made)));
      name = made;
    }
    return name;
  }

  #refuse(connection: ServerConnection, what: string, reason: string): undefined {
    this.#say(connection, 'tunnel-refused', `Tunnel refused: ${what}`, reason);
  }

  #say({ peer, user }: ServerConnection, event: string, what: string, reason: string): void {
    const who = `for user ${loggedName(user)} from ${describe(peer)}`;
    this.#admission.logFor(peer)('INFO', `${what} ${who}: ${reason}`, { event, reason });
  }
}

/** What is too much for one tunnel shows here, to the byte; what is too much in all is for the books to say. */
function meter(
  inner: Duplex,
  quotas: readonly TunnelQuota[],
  ticket: number,
  books: TunnelBooks,
  stop: (reason: string) => void,
): Duplex {
  const most = Math.min(...quotas.map(({ bytes }) => bytes ?? Number.POSITIVE_INFINITY));
  let passed = 0;
  let untold = 0;
  const stream = new MeteredStream(inner, (byteCount) => {
    if (passed + byteCount > most) {
      stop(`TunnelQuota bytes=${most} is used up`);
      return false;
    }
    passed += byteCount;
    untold += byteCount;
    if (untold < bytesPerCount) return true;
    const told = untold;
    untold = 0;
    void books.count(ticket, told).then((reason) => {
      if (reason === undefined || stream.destroyed) return;
      stop(reason);
      stream.destroy();
    });
    return true;
  });
  stream.once('close', () => void books.close(ticket, untold));
  return stream;
}

/** A socket that is to be made is not there yet, but its folder is. */
async function withoutLinks(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    try {
      return resolve(await realpath(dirname(path)), basename(path));
    } catch {
      return path;
    }
  }
}

function told(rule: TunnelRule): string {
  return loggedName(`TunnelPolicy ${rule.words.join(' ')}`).replaceAll('\\040', ' ');
}
