/** While somebody types over a connection, its bulk has little on the way: a key's echo stands behind all of that. */

import { bulkQueueBytesBesideKeys, leastWindowBesideKeysBytes } from '../limits.ts';
import type { ConnectionLink } from '../transport/link.ts';
import type { WindowGrowth } from './window-growth.ts';

/** 1 Gbit/s: a window for that much is left at once, and more where the path is measured to take more (window-growth.ts). */
const bytesPerMsAtOnce = 125_000;

/** A channel as this sees it. */
export interface TypedChannel {
  readonly interactive: boolean;
  readonly receiveWindow: { readonly size: number };
  /** Makes the receive window larger at once, or smaller as it is used. */
  resizeWindow(bytes: number): void;
}

export interface TypingHost {
  readonly link: ConnectionLink;
  readonly growth: WindowGrowth;
  readonly initialWindowBytes: number;
  readonly maxWindowBytes: number;
  channels(): Iterable<TypedChannel>;
}

/**
 * On a short path a window of 2 MiB is filled by whatever the receiver has not read yet: all of it lies in the buffers of the two
 * systems, and the echo behind it. A window that is no larger than the path needs leaves nothing to lie there, whichever
 * implementation sends.
 */
export class TypingWatch {
  readonly #host: TypingHost;
  readonly #typed = new Set<TypedChannel>();
  /** Those whose window was made smaller, with what it was. */
  readonly #shrunk = new Map<TypedChannel, number>();

  constructor(host: TypingHost) {
    this.#host = host;
  }

  /** The receive window that a channel opens with. */
  windowFor(wantedBytes: number, isInteractive: boolean): number {
    return this.#typed.size === 0 || isInteractive ? wantedBytes : Math.min(wantedBytes, this.#windowBesideKeys());
  }

  /** A channel was made, which wanted a window of so many bytes. */
  opened(channel: TypedChannel, wantedBytes: number): void {
    if (this.#typed.size > 0 && !channel.interactive) this.#shrunk.set(channel, wantedBytes);
  }

  /** Keys come through this channel from now on. */
  begin(channel: TypedChannel): void {
    this.#typed.add(channel);
    this.#shrunk.delete(channel);
    if (this.#typed.size > 1) return;
    this.#limit(bulkQueueBytesBesideKeys);
    const bytes = this.#windowBesideKeys();
    // A long path has windows that were measured, and needs them.
    if (bytes >= this.#host.initialWindowBytes) return;
    for (const bulk of this.#host.channels()) {
      const { size } = bulk.receiveWindow;
      if (bulk.interactive || size <= bytes) continue;
      this.#shrunk.set(bulk, size);
      bulk.resizeWindow(bytes);
    }
  }

  /** The channel has gone. */
  end(channel: TypedChannel): void {
    this.#shrunk.delete(channel);
    if (!this.#typed.delete(channel) || this.#typed.size > 0) return;
    this.#limit(undefined);
    for (const [bulk, size] of this.#shrunk) bulk.resizeWindow(Math.max(size, bulk.receiveWindow.size));
    this.#shrunk.clear();
  }

  #limit(queueBytes: number | undefined): void {
    this.#host.link.limitQueue?.(queueBytes);
    this.#host.growth.isCautious = queueBytes !== undefined;
  }

  #windowBesideKeys(): number {
    const { growth, initialWindowBytes, maxWindowBytes } = this.#host;
    const bytes = Math.max(leastWindowBesideKeysBytes, growth.shortestRoundTripMs * bytesPerMsAtOnce);
    return Math.min(Math.floor(bytes), growth.startBytes(initialWindowBytes, maxWindowBytes));
  }
}
