/** What the methods of a client share: numbered requests out, replies in, banners shown on the way. */
import { disconnectReasons, protocolError, SshError } from '../errors.ts';
import { maxAuthRequests, maxBannerBytes } from '../limits.ts';
import type { AuthLink } from '../transport/link.ts';
import { printable } from '../wire/index.ts';
import { abortError, untilAborted } from './abort.ts';
import type { ClientAuthOptions } from './client-options.ts';
import { LoginRecord } from './login-record.ts';
import {
  authNumbers,
  connectionService,
  looseText,
  userauthBanner,
  userauthFailure,
  userauthRequest,
  userauthSuccess,
} from './messages.ts';
import { type Offer, SignerQueue } from './signer-queue.ts';

/** How one step of a client's method ended. */
export type ClientOutcome =
  | { readonly kind: 'success' }
  | { readonly kind: 'failure'; readonly methods: readonly string[]; readonly partialSuccess: boolean }
  /** The method has nothing (more) to try; no request waits for an answer that matters. */
  | { readonly kind: 'exhausted' };

/** A key that the server was told of. */
export interface SentOffer {
  readonly offer: Offer;
  /** The name of the request. */
  readonly method: string;
  /** With a signature, that is; else the server was asked whether it would take one. */
  readonly isProof: boolean;
}

export class ClientSession {
  readonly link: AuthLink;
  readonly options: ClientAuthOptions;
  readonly signers: SignerQueue;
  /** Attempts a method made since the last step that succeeded. */
  readonly attempts = new Map<string, number>();
  /** What was tried, for the person who is told that it was in vain. */
  readonly record = new LoginRecord();
  /** Whether anything that proves who we are was sent: a signature, a password, an answer to a prompt. */
  proved = false;
  /** Everything the server wanted shown so far, made harmless. */
  banner = '';
  /** The server let us in. */
  isDone = false;
  /** The request "none" was sent already; its answer is the next that comes. */
  noneIsAsked = false;
  /** The offer of a key that was sent behind "none", if one was: its answer is the next after that one's. */
  ahead: Promise<SentOffer | undefined> | undefined;
  #requests = 0;
  #banners = 0;
  #bannerBytes = 0;

  constructor(link: AuthLink, options: ClientAuthOptions) {
    this.link = link;
    this.options = options;
    this.signers = new SignerQueue(options.signers ?? []);
  }

  /** Sends a USERAUTH_REQUEST for a method, `rest` being the method's own fields. */
  request(method: string, rest: Uint8Array = Buffer.alloc(0)): void {
    const { user } = this.options;
    this.send(userauthRequest.encode({ user, service: connectionService, method, rest: rest as Buffer }));
  }

  /** Sends a message of login. Every one counts: a server that never says a final word must not keep us going for ever. */
  send(payload: Uint8Array): void {
    this.throwIfAborted();
    if (++this.#requests > maxAuthRequests) {
      throw new SshError(`the server wanted more than ${maxAuthRequests} login requests`, {
        code: 'limit-exceeded',
        stage: 'auth',
        side: 'peer',
        disconnect: disconnectReasons.noMoreAuthMethodsAvailable,
      });
    }
    this.link.send(payload);
  }

  /** The next message that is no banner, required to be a verdict or (where the method has one) its number 60. */
  async reply(accepts: readonly number[]): Promise<Buffer> {
    while (true) {
      const payload = await untilAborted(this.link.next(), this.options.signal);
      const number = payload[0];
      if (number === authNumbers.banner) {
        this.#showBanner(payload);
        continue;
      }
      if (number !== undefined && accepts.includes(number)) return payload;
      throw protocolError('auth', `expected a login reply (${accepts.join(', ')}), the server sent message ${number}`);
    }
  }

  /** The server's verdict on the last request. */
  async verdict(): Promise<ClientOutcome> {
    return this.readVerdict(await this.reply([authNumbers.failure, authNumbers.success]));
  }

  readVerdict(payload: Buffer): ClientOutcome {
    if (payload[0] === authNumbers.success) {
      userauthSuccess.decode(payload);
      this.isDone = true;
      return { kind: 'success' };
    }
    const { methods, partialSuccess } = userauthFailure.decode(payload);
    this.options.onFailure?.(methods, partialSuccess);
    return { kind: 'failure', methods, partialSuccess };
  }

  /** What was sent ahead, to whoever is to read its answer; undefined from the second call on. */
  async takeAhead(): Promise<SentOffer | undefined> {
    const { ahead } = this;
    this.ahead = undefined;
    return ahead;
  }

  /** Waits for a callback (a prompt, a signer), but not after the login was aborted. */
  wait<T>(promise: Promise<T>): Promise<T> {
    return untilAborted(promise, this.options.signal);
  }

  /** Counts an attempt of a method; false when its number of attempts is used up. */
  countAttempt(method: string, allowed: number): boolean {
    const made = this.attempts.get(method) ?? 0;
    if (made >= allowed) return false;
    this.attempts.set(method, made + 1);
    return true;
  }

  log(level: 'debug' | 'verbose' | 'info', text: string): void {
    this.options.log?.(level, text);
  }

  throwIfAborted(): void {
    if (this.options.signal?.aborted) throw abortError(this.options.signal);
  }

  #showBanner(payload: Buffer): void {
    const { text, language = '' } = userauthBanner.decode(payload);
    this.#bannerBytes += text.length;
    if (++this.#banners > maxAuthRequests || this.#bannerBytes > maxBannerBytes) {
      throw protocolError('auth', `the server sent banners beyond ${maxBannerBytes} bytes`, { code: 'limit-exceeded' });
    }
    const shown = printable(looseText(text), 'many');
    this.banner += shown;
    this.options.onBanner?.(shown, printable(language, 'one'));
  }
}
