/** What the methods of a server share: counted messages in, handlers asked with care, verdicts. */
import { disconnectReasons, protocolError, SshError } from '../errors.ts';
import type { PublicKey } from '../keys/types.ts';
import { maxAuthRequests } from '../limits.ts';
import type { AuthLink } from '../transport/link.ts';
import { WireReader } from '../wire/index.ts';
import { abortError, untilAborted } from './abort.ts';
import type { ServerAuthOptions } from './server-options.ts';

/** What a method says to one request. */
export type ServerVerdict<G> =
  | { readonly kind: 'granted'; readonly grant: G; readonly key?: PublicKey }
  | { readonly kind: 'refused'; readonly reason: string; readonly key?: PublicKey }
  /** The method has sent its own reply, which grants nothing. */
  | { readonly kind: 'answered'; readonly reason: string; readonly key?: PublicKey }
  /** The client went on with another request, which is `next`. */
  | { readonly kind: 'abandoned'; readonly next: Buffer };

export class ServerSession<G> {
  readonly link: AuthLink;
  #options: ServerAuthOptions<G>;
  /** Keys of the steps that succeeded: none of them counts twice. */
  readonly provedKeys: PublicKey[] = [];
  /** What the last handler threw, for the log. */
  handlerError: unknown;
  /** When the client's last message came: what a person takes to type is no part of our own time. */
  receivedMs = 0;
  #messages = 0;

  constructor(link: AuthLink, options: ServerAuthOptions<G>) {
    this.link = link;
    this.#options = options;
  }

  /** With what is different for this user, once that is known. */
  get options(): ServerAuthOptions<G> {
    return this.#options;
  }

  /** Takes over what is different for the user. */
  async settleRules(user: string): Promise<void> {
    const { rulesFor, signal } = this.#options;
    if (rulesFor === undefined) return;
    this.#options = { ...this.#options, ...(await untilAborted(rulesFor(user), signal)) };
  }

  /** The next message, required to be one of these numbers. Every one counts, whatever it proves (Go 5adb68b). */
  async next(accepts: readonly number[]): Promise<Buffer> {
    const payload = await untilAborted(this.link.next(), this.options.signal);
    this.receivedMs = this.options.clock.now();
    if (++this.#messages > (this.options.maxRequests ?? maxAuthRequests)) throw tooManyFailures('limit-exceeded');
    const number = payload[0];
    if (number === undefined || !accepts.includes(number)) {
      // libssh CVE-2018-10933: USERAUTH_SUCCESS from a client is no more welcome than any other number.
      throw protocolError(
        'auth',
        `expected a login request (${accepts.join(', ')}), the client sent message ${number}`,
      );
    }
    return payload;
  }

  send(payload: Uint8Array): void {
    this.link.send(payload);
  }

  /** Asks a handler; what it throws is a refusal. */
  async ask<T>(handler: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return (await untilAborted(handler(), this.options.signal)) ?? undefined;
    } catch (error) {
      this.throwIfAborted();
      this.handlerError = error;
      return undefined;
    }
  }

  throwIfAborted(): void {
    if (this.options.signal?.aborted) throw abortError(this.options.signal);
  }

  /** Reads the method's part of a request to its last byte. */
  decode<T>(rest: Buffer, read: (reader: WireReader) => T): T {
    const reader = new WireReader(rest, 'USERAUTH_REQUEST');
    const value = read(reader);
    reader.finish();
    return value;
  }
}

/** The end of a client that failed too often, in the words OpenSSH uses. */
export function tooManyFailures(code: 'auth-failed' | 'limit-exceeded'): SshError {
  return new SshError('Too many authentication failures', {
    code,
    stage: 'auth',
    side: 'peer',
    disconnect: disconnectReasons.protocolError,
  });
}
