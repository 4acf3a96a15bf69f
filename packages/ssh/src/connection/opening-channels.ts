/** Channels we asked for and the peer has not answered about. */

import { protocolError, SshError } from '../errors.ts';
import { maxShownBytes } from '../limits.ts';
import type { ConnectionLink } from '../transport/link.ts';
import { printable } from '../wire/index.ts';
import type { Channel } from './channel.ts';
import { openFailureReasons } from './messages.ts';
import { abortedError } from './request-queue.ts';

/** One CHANNEL_OPEN of ours. */
export interface OpeningChannel {
  readonly channel: Channel;
  /** When it was sent, on the connection's clock. */
  readonly startedMs: number;
  confirmed(): void;
  refused(reason: number, description: Buffer): void;
  ended(error: SshError): void;
}

/** Matches confirmations and failures with the calls that wait for them. */
export class OpeningChannels {
  readonly #opening = new Map<number, OpeningChannel>();
  #hasHurried = false;

  /** Waits for the peer's answer. An aborted wait rejects at once, and a confirmation that still comes is closed. */
  wait(channel: Channel, startedMs: number, signal: AbortSignal | undefined): Promise<Channel> {
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(abortedError(signal, `opening a ${channel.type} channel`));
      signal?.addEventListener('abort', onAbort, { once: true });
      const stopListening = () => signal?.removeEventListener('abort', onAbort);
      const fail = (error: SshError) => {
        stopListening();
        channel.terminate(error);
        reject(error);
      };
      this.#opening.set(channel.id, {
        channel,
        startedMs,
        confirmed: () => {
          stopListening();
          if (signal?.aborted) channel.abort();
          else resolve(channel);
        },
        refused: (reason, description) => fail(refusedError(channel, reason, description)),
        ended: fail,
      });
    });
  }

  /**
   * Something came that needs no answer while the first answer is still awaited. OpenSSH's server sends its host keys right after
   * login and has not turned off Nagle's algorithm by then: its confirmation lies there until TCP acknowledges the keys, which a
   * client that sends nothing does only 40 ms later.
   */
  hurry(link: ConnectionLink): void {
    if (this.#hasHurried || link.role !== 'client' || this.#opening.size === 0) return;
    this.#hasHurried = true;
    // The answer may be among what has come already.
    queueMicrotask(() => {
      if (this.#opening.size > 0) link.nudge?.();
    });
  }

  /** The call that a confirmation or failure answers; there must be one. */
  take(channelId: number, what: string): OpeningChannel {
    const opening = this.#opening.get(channelId);
    if (opening === undefined) {
      throw protocolError('channel', `${what} came for channel ${channelId}, which nobody is opening`);
    }
    this.#opening.delete(channelId);
    return opening;
  }

  end(error: SshError): void {
    const all = [...this.#opening.values()];
    this.#opening.clear();
    for (const opening of all) opening.ended(error);
  }
}

/** What a refused CHANNEL_OPEN said; the `cause` of a `channel-open-refused` error. */
export interface OpenRefusal {
  /** Our number of the channel, as logs have it. */
  channel: number;
  reason: number;
  description: string;
}

const reasonTexts: Readonly<Record<number, readonly [text: string, remedy: string | undefined]>> = {
  [openFailureReasons.administrativelyProhibited]: [
    'not allowed',
    'The other end forbids it: its configuration or the options of the key you logged in with.',
  ],
  [openFailureReasons.connectFailed]: [
    'connect failed',
    'Check that the target listens where the other end looks for it.',
  ],
  [openFailureReasons.unknownChannelType]: ['unknown channel type', 'The other end does not know this feature.'],
  [openFailureReasons.resourceShortage]: ['resource shortage', 'Close channels that are no longer used.'],
};

function refusedError({ id, type }: Channel, reason: number, description: Buffer): SshError {
  const [text, remedy] = reasonTexts[reason] ?? [`reason ${reason}`, undefined];
  const refusal: OpenRefusal = { channel: id, reason, description: printable(description.subarray(0, maxShownBytes)) };
  const detail = refusal.description === '' ? '' : `: ${refusal.description}`;
  return new SshError(`the peer refused a ${type} channel (${text})${detail}`, {
    code: 'channel-open-refused',
    stage: 'channel',
    side: 'peer',
    cause: refusal,
    ...(remedy === undefined ? {} : { remedy }),
  });
}
