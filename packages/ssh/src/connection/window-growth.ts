/** Measures the path while bulk data flows, and enlarges a receive window that the path outgrew. */

import { firstWindowBytesPerMs, mostFirstWindowBytes } from '../limits.ts';
import type { Clock } from '../transport/link.ts';
import type { ReceiveWindow } from './window.ts';

/** 2 GB/s: more than one connection reaches on any machine, so a window that allows it needs no growth (loopback). */
const fastestBytesPerMs = 2_000_000;
/** 4 Gbit/s: what is left for bulk beside keys. More than that is a path within a machine, where the window only makes a queue. */
const fastestBesideKeysBytesPerMs = 500_000;

/** What grows: a channel with its receive window. */
export interface Growable {
  readonly receiveWindow: ReceiveWindow;
  /** Enlarges the window to this as far as limits and budget allow and tells the peer; does nothing on a closed channel. */
  growWindow(bytes: number): void;
}

/**
 * The bandwidth-delay product of the path, as HTTP/2 implementations measure it: a probe goes out while data flows, and
 * the bytes that come in until its answer are about what the path holds.
 *
 * The answer stands behind whatever data is queued, so on a fast short path the bytes of one probe can fill any window
 * (they sit in socket buffers). Therefore the *rate* of the probe is multiplied by the *shortest* round trip seen:
 * queues make a round trip longer but never the shortest one. Where that product is near the window, the window is what holds
 * the sender back, provided that the consumer keeps up.
 */
export class WindowGrowth {
  readonly #clock: Clock;
  readonly #probe: (answered: () => void) => void;
  #shortestMs = Number.POSITIVE_INFINITY;
  #probing = false;
  /** Somebody types over the connection: windows that are larger than they need be cost time. */
  isCautious = false;

  /** @param probe - starts one round trip and calls back when it is over. */
  constructor(clock: Clock, probe: (answered: () => void) => void) {
    this.#clock = clock;
    this.#probe = probe;
  }

  /** The shortest round trip seen, in milliseconds; infinite before the first. */
  get shortestRoundTripMs(): number {
    return this.#shortestMs;
  }

  /** A round trip seen elsewhere (a channel that opened, a handshake); too long is harmless, too short is not. */
  noteRoundTrip(ms: number): void {
    if (ms > 0 && ms < this.#shortestMs) this.#shortestMs = ms;
  }

  /**
   * The window a channel opens with: on a long path so much that not all of the first second goes by while it grows.
   *
   * @param leastBytes - what is enough for a short one.
   */
  startBytes(leastBytes: number, mostBytes: number): number {
    if (!Number.isFinite(this.#shortestMs)) return leastBytes;
    const wanted = Math.min(Math.floor(this.#shortestMs * firstWindowBytesPerMs), mostFirstWindowBytes, mostBytes);
    return Math.max(leastBytes, wanted);
  }

  /** Called when enough data came in since the last measurement of this window. */
  measure(growable: Growable): void {
    if (this.#probing) return;
    this.#probing = true;
    const window = growable.receiveWindow;
    const receivedBefore = window.received;
    const startMs = this.#clock.now();
    this.#probe(() => {
      this.#probing = false;
      this.#evaluate(growable, window.received - receivedBefore, this.#clock.now() - startMs);
    });
  }

  #evaluate(growable: Growable, bytes: number, elapsedMs: number): void {
    const window = growable.receiveWindow;
    const roundTripMs = Math.max(elapsedMs, 0.001);
    this.noteRoundTrip(roundTripMs);
    const bandwidthDelayBytes = bytes * (this.#shortestMs / roundTripMs);
    window.unmeasured = 0;
    const sizeBefore = window.size;
    const fillsWindow = bandwidthDelayBytes * 3 >= window.size * 2;
    const fastest = this.isCautious ? fastestBesideKeysBytesPerMs : fastestBytesPerMs;
    const couldBeFaster = window.size < this.#shortestMs * fastest;
    const isConsumed = window.heldBytes * 2 < window.size;
    // A window that holds the sender back says only that the path takes more: four times as much finds out in half the rounds.
    const wanted = Math.min(bandwidthDelayBytes * 4, Math.max(window.size * 2, this.#shortestMs * fastest));
    if (fillsWindow && couldBeFaster && isConsumed) growable.growWindow(Math.floor(wanted));
    // A path that does not need more is asked ever more rarely: a probe per eight windows at last.
    window.measureAfterBytes =
      window.size > sizeBefore ? window.size / 4 : Math.min(window.measureAfterBytes * 2, window.size * 8);
  }
}
