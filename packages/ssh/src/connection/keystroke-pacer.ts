/** Hides when keys are pressed (ObscureKeystrokeTiming): a fixed pace while somebody types, and fake keystrokes in the gaps. */

import { randomBytes } from '../crypto/random.ts';
import type { Clock } from '../transport/link.ts';

/** What the pacer needs of its channel and connection. */
export interface PacerHost {
  readonly clock: Clock;
  /** Whether the link takes packets at once; false in a key exchange and while bulk waits. */
  isReady(): boolean;
  /** Sends a packet that looks like a keystroke, where the peer can take one. */
  sendChaff(): void;
  /** Sends what was held. @returns false where the peer's window takes nothing. */
  release(): boolean;
  /** A number from 0 up to 1; default from the system's generator. */
  random?(): number;
}

/** OpenSSH's pace: several keys of a fast typist fall into one interval. */
export const defaultKeystrokeIntervalMs = 20;
/** After the last key fake ones go on for this long and a random time more, so that its moment is hidden as well. */
const chaffLeastMs = 1024;
const chaffRangeMs = 2048;
/** The interval varies by this part: an exact clock would let packets be told apart by their distance from it. */
const fuzz = 0.1;
/** More than this at once was not typed: a paste is sent as it comes. */
const maxKeystrokeBytes = 256;

/**
 * ```
 * idle ──a keystroke, sent at once──► pacing: at each tick what was typed, or one fake keystroke
 *   ▲                                   │
 *   └──no key for one to three seconds, a paste, a key exchange, a full link──┘
 * ```
 *
 * Each tick sends one packet, a real or a fake one and never both (OpenSSH CVE-2024-39894: fakes beside the real ones told
 * which were which).
 */
export class KeystrokePacer {
  readonly #host: PacerHost;
  readonly #intervalMs: number;
  #isPacing = false;
  #holds = false;
  #chaffUntilMs = 0;
  /** Each burst of typing has a pace of its own. */
  #rateFuzzMs = 0;
  #cancel: () => void = () => {};

  constructor(host: PacerHost, intervalMs = defaultKeystrokeIntervalMs) {
    this.#host = host;
    this.#intervalMs = intervalMs;
  }

  /**
   * Something was queued.
   *
   * @param queuedBytes - all that waits in the channel now.
   * @returns whether it waits for the next tick, when `release` is called.
   */
  hold(queuedBytes: number): boolean {
    if (queuedBytes > maxKeystrokeBytes || !this.#host.isReady()) {
      this.stop();
      return false;
    }
    this.#chaffUntilMs = this.#host.clock.now() + chaffLeastMs + chaffRangeMs * this.#random();
    if (!this.#isPacing) {
      this.#isPacing = true;
      this.#rateFuzzMs = this.#intervalMs * fuzz * (this.#random() - 0.5);
      this.#setTimer();
      return false;
    }
    this.#holds = true;
    return true;
  }

  /** Whether data waits for a tick. */
  get holds(): boolean {
    return this.#holds;
  }

  /** Ends the pacing; what was held may be sent. */
  stop(): void {
    this.#isPacing = false;
    this.#holds = false;
    this.#cancel();
  }

  #tick(): void {
    const { clock } = this.#host;
    if (!this.#host.isReady()) {
      const held = this.#holds;
      this.stop();
      if (held) this.#host.release();
      return;
    }
    if (!this.#holds && clock.now() >= this.#chaffUntilMs) {
      this.stop();
      return;
    }
    const isDue = this.#holds;
    this.#holds = false;
    if (!isDue || !this.#host.release()) this.#host.sendChaff();
    this.#setTimer();
  }

  #setTimer(): void {
    const ms = this.#intervalMs * (1 - fuzz / 2 + fuzz * this.#random()) + this.#rateFuzzMs;
    this.#cancel = this.#host.clock.setTimer(ms, () => this.#tick());
  }

  #random(): number {
    return this.#host.random?.() ?? randomBytes(4).readUInt32BE(0) / 2 ** 32;
  }
}
