/** A CHANNEL_OPEN of the peer's, waiting for the application to accept or refuse it. */

import { SshError } from '../errors.ts';
import type { Channel } from './channel.ts';
import type { ChannelSubject } from './channel-facts.ts';
import { closedError } from './channel-sink.ts';
import { channelOpenFailure, openFailureReasons } from './messages.ts';

/** Decides about channels of one type. What it has not accepted when it returns (or its promise settles) is refused. */
export type ChannelOpenHandler = (open: IncomingOpen) => void | Promise<void>;

export interface AcceptOptions {
  /** The receive window to start with, in bytes. */
  windowBytes?: number | undefined;
  /** Small writes go before the bulk of other channels. */
  interactive?: boolean | undefined;
  /** What logs and lists call the channel; default its type. */
  label?: string | undefined;
  /** What the channel is for. */
  subject?: ChannelSubject | undefined;
}

export interface IncomingOpenInit {
  type: string;
  data: Buffer;
  peerChannel: number;
  accept: (options: AcceptOptions) => Channel;
  send: (payload: Buffer) => void;
  onHandlerError: (error: unknown) => void;
  /** The peer broke a rule; ends the connection. */
  fail: (error: SshError) => void;
  /** Called once, when it is decided. */
  decided: () => void;
}

/** One open request. Exactly one of accept() and refuse() takes effect. */
export class IncomingOpen {
  readonly type: string;
  /** The type-specific data (a row of channels/table.ts decodes it). */
  readonly data: Buffer;
  readonly #init: IncomingOpenInit;
  #state: 'waiting' | 'decided' | 'ended' = 'waiting';

  constructor(init: IncomingOpenInit) {
    this.type = init.type;
    this.data = init.data;
    this.#init = init;
  }

  /**
   * Confirms the channel; it is open when this returns.
   *
   * @throws SshError `closed` when the connection ended meanwhile, `misuse` when it was decided before.
   */
  accept(options: AcceptOptions = {}): Channel {
    if (this.#state === 'ended') throw closedError('with its connection');
    if (this.#state === 'decided') {
      throw new SshError('this channel was accepted or refused already', { code: 'misuse', stage: 'channel' });
    }
    this.#decide();
    return this.#init.accept(options);
  }

  /** Refuses the channel; does nothing when it is decided. The description is shown to the peer's user. */
  refuse(reason: number = openFailureReasons.administrativelyProhibited, description = 'not allowed'): void {
    if (this.#state !== 'waiting') return;
    this.#decide();
    this.#init.send(encodeOpenFailure(this.#init.peerChannel, reason, description));
  }

  /** The connection ended. */
  end(): void {
    if (this.#state === 'waiting') this.#state = 'ended';
  }

  /** Runs the handler and refuses what it left undecided. */
  run(handler: ChannelOpenHandler): void {
    const onError = (error: unknown) => {
      // Data that the handler could not decode ends the connection; any other failure is the application's.
      if (error instanceof SshError && error.code === 'bad-message') this.#init.fail(error);
      else this.#init.onHandlerError(error);
      this.refuse(openFailureReasons.connectFailed, 'the channel could not be set up');
    };
    let outcome: void | Promise<void>;
    try {
      outcome = handler(this);
    } catch (error) {
      onError(error);
      return;
    }
    if (!(outcome instanceof Promise)) this.refuse();
    else outcome.then(() => this.refuse()).catch(onError);
  }

  #decide(): void {
    this.#state = 'decided';
    this.#init.decided();
  }
}

export function encodeOpenFailure(recipient: number, reason: number, description: string): Buffer {
  return channelOpenFailure.encode({
    recipient,
    reason,
    description: Buffer.from(description, 'utf8'),
    language: Buffer.alloc(0),
  });
}
