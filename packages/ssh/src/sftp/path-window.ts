/** How many bytes should be under way to a server: measured, and grown to what the path holds. */

import { firstWindowBytesPerMs } from '../limits.ts';

/** What is under way at first where the path is short: enough for a gigabit and 8 ms. */
const startBytes = 1024 * 1024;
/** A longer one starts with what it is taken to hold, up to 100 ms: it would take half a second to grow there. */
const mostStartBytes = 100 * firstWindowBytesPerMs;
/** What the growth ends at: 1 Gbit/s over 200 ms. Every byte under way may come to lie in memory here. */
const mostBytes = 24 * 1024 * 1024;

/** One measured request, under way. */
export interface Departure {
  readonly bytes: number;
  readonly atMs: number;
  /** What had been answered of all requests when it left. */
  readonly answeredBytes: number;
}

/**
 * The bandwidth-delay product, as it shows in requests of data: the best rate at which answers came, times the shortest time that
 * one took. While the window is what holds us back, and is not well above that product, it doubles: on a path that a window
 * fills the rate grows with the window, so the product does, until the path itself is full. It never shrinks: what is not
 * needed is not used.
 */
export class PathWindow {
  /** So many bytes may be under way. */
  bytes = startBytes;
  readonly #now: () => number;
  #answeredBytes = 0;
  #shortestMs = Number.POSITIVE_INFINITY;
  #wasFull = false;
  #hasStarted = false;
  /** The shortest round trip without data. Not one of those that growth goes by: reading a file may take the server longer. */
  #greetingMs = Number.POSITIVE_INFINITY;
  /** The first request that left after the last look at the figures. */
  #first: Departure | undefined;
  #best = 0;

  /** @param now - a clock that never goes back, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The shortest round trip of a request without data; undefined before the first. */
  get roundTripMs(): number | undefined {
    return Number.isFinite(this.#greetingMs) ? this.#greetingMs : undefined;
  }

  /** The round trip of a request without data, seen before any with data left; too long is harmless. */
  noteRoundTrip(departedMs: number): void {
    if (this.#hasStarted) return;
    const elapsedMs = this.#now() - departedMs;
    if (elapsedMs >= this.#greetingMs) return;
    this.#greetingMs = elapsedMs;
    this.bytes = Math.max(startBytes, Math.min(mostStartBytes, Math.floor(elapsedMs * firstWindowBytesPerMs)));
  }

  /** A request for (or with) so many bytes leaves. */
  depart(bytes: number): Departure {
    this.#hasStarted = true;
    const departure = { bytes, atMs: this.#now(), answeredBytes: this.#answeredBytes };
    this.#first ??= departure;
    return departure;
  }

  /** There was more to ask for than the window let through. */
  noteFull(): void {
    this.#wasFull = true;
  }

  /** Its answer came, with so many bytes of those that were asked for. */
  arrive(departure: Departure, bytes = departure.bytes): void {
    const elapsedMs = Math.max(this.#now() - departure.atMs, 0.001);
    this.#answeredBytes += bytes;
    if (elapsedMs < this.#shortestMs) this.#shortestMs = elapsedMs;
    this.#best = Math.max(this.#best, (this.#answeredBytes - departure.answeredBytes) / elapsedMs);
    // Once a round trip is often enough, and each look has seen a whole one.
    if (departure.atMs < (this.#first?.atMs ?? 0)) return;
    if (this.#wasFull && this.bytes < 2 * this.#best * this.#shortestMs) {
      this.bytes = Math.min(mostBytes, this.bytes * 2);
    }
    this.#wasFull = false;
    this.#best = 0;
    this.#first = undefined;
  }
}
