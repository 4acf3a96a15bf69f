/** A remote forward that is asked for again on every new connection, and again where the server's old session still holds the port. */
import type { Forward, ForwardListen } from '../config/index.ts';
import { SshError } from '../errors.ts';
import { type BackOff, backOffMs } from './back-off.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ForwardLedger } from './forward-ledger.ts';
import { askAndCarry, type ForwardOptions } from './forwards.ts';
import type { KeptEvent } from './kept-event.ts';

export class KeptRemoteForward {
  /** With the port that the server chose where 0 was asked for. */
  listen: ForwardListen;
  /** How often it was taken up again. */
  restored = 0;
  readonly #forward: Forward;
  readonly #options: ForwardOptions;
  readonly #ledger: ForwardLedger;
  readonly #context: { readonly backOff: BackOff; tell(event: KeptEvent): void };
  #listener: { close(): Promise<void> } | undefined;
  #connection: ClientConnection | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    forward: Forward,
    options: ForwardOptions,
    ledger: ForwardLedger,
    context: { readonly backOff: BackOff; tell(event: KeptEvent): void },
  ) {
    this.#forward = forward;
    this.#options = options;
    this.#ledger = ledger;
    this.#context = context;
    this.listen = forward.listen;
  }

  get isUp(): boolean {
    return this.#listener !== undefined;
  }

  /** The first time a refusal is the caller's. */
  async askFirst(connection: ClientConnection): Promise<void> {
    this.#connection = connection;
    await this.#ask(connection, this.#forward.listen);
  }

  /** The connection has gone, and the listening with it. */
  lost(): void {
    clearTimeout(this.#timer);
    this.#connection = undefined;
    this.#listener = undefined;
  }

  /** There is a connection again. */
  restore(connection: ClientConnection): void {
    this.#connection = connection;
    void this.#attempt(connection, 1);
  }

  async close(): Promise<void> {
    const listener = this.#listener;
    this.lost();
    await listener?.close();
  }

  async #attempt(connection: ClientConnection, attempt: number): Promise<void> {
    const { backOff, tell } = this.#context;
    try {
      await this.#askAgain(connection);
      if (this.#connection !== connection) return;
      this.restored++;
      tell({ kind: 'remote-restored', forward: this.#forward, listen: this.listen });
    } catch (error) {
      // Lost meanwhile: the next connection begins anew.
      if (this.#connection !== connection || !(error instanceof SshError) || error.code !== 'request-refused') return;
      const retryInMs = backOffMs(backOff, attempt);
      tell({ kind: 'remote-refused', forward: this.#forward, error, retryInMs });
      this.#timer = setTimeout(() => void this.#attempt(connection, attempt + 1), retryInMs);
    }
  }

  /** The port that was chosen is known to others by now; another one is better than none. */
  async #askAgain(connection: ClientConnection): Promise<void> {
    const wasChosen = this.#forward.listen.kind === 'tcp' && this.#forward.listen.port === 0;
    try {
      await this.#ask(connection, this.listen);
    } catch (error) {
      if (!wasChosen || !(error instanceof SshError) || error.code !== 'request-refused') throw error;
      await this.#ask(connection, this.#forward.listen);
    }
  }

  async #ask(connection: ClientConnection, listen: ForwardListen): Promise<void> {
    const listener = await askAndCarry(connection, { ...this.#forward, listen }, this.#options, this.#ledger);
    if (this.#connection !== connection) {
      await listener.close();
      return;
    }
    this.#listener = listener;
    this.listen = listener.listen;
  }
}
