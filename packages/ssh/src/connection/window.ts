/** Flow control (RFC 4254 §5.2): what the peer may send us, what we may send it, and the memory all channels share. */

import { protocolError } from '../errors.ts';

/** RFC 4254 §5.2: a window never exceeds this. */
const largestWindow = 0xffff_ffff;

/** What the peer may still send. Credit goes back only for bytes that the consumer took. */
export class ReceiveWindow {
  /** Credit, bytes held for the consumer, and bytes to give back add up to this. */
  size: number;
  /** Bytes the peer may still send. */
  credit: number;
  readonly maxPacketBytes: number;
  /** Bytes received since the window opened. */
  received = 0;
  /** Bytes received since the last measurement of the path, and how many there must be before the next. */
  unmeasured = 0;
  measureAfterBytes: number;
  #returnable = 0;
  /** Bytes that are not given back once they are consumed: the window is to be smaller. */
  #surplus = 0;
  #threshold = 0;

  constructor(size: number, maxPacketBytes: number) {
    this.size = size;
    this.credit = size;
    this.maxPacketBytes = maxPacketBytes;
    this.measureAfterBytes = Math.max(size / 4, leastMeasuredBytes);
    this.#setThreshold();
  }

  /** Bytes received that the consumer has not taken. */
  get heldBytes(): number {
    return this.size - this.credit - this.#returnable;
  }

  /** Counts bytes that came in; more than the credit is the peer's error, as is a packet over our maximum. */
  take(byteCount: number): void {
    if (byteCount > this.credit) {
      throw protocolError('channel', `the peer sent ${byteCount} bytes into a window of ${this.credit}`);
    }
    if (byteCount > this.maxPacketBytes) {
      throw protocolError(
        'channel',
        `the peer sent ${byteCount} bytes in one packet, at most ${this.maxPacketBytes} fit`,
      );
    }
    this.credit -= byteCount;
    this.received += byteCount;
    this.unmeasured += byteCount;
  }

  /** The consumer took this many bytes; returns what a WINDOW_ADJUST should give back now, mostly 0. */
  consume(byteCount: number): number {
    const kept = Math.min(this.#surplus, byteCount);
    if (kept > 0) {
      this.#surplus -= kept;
      this.size -= kept;
      this.#setThreshold();
    }
    this.#returnable += byteCount - kept;
    return this.#returnable < this.#threshold ? 0 : this.flush();
  }

  /** Makes the window as small as this, as its bytes are consumed: what the peer was given cannot be taken back. */
  shrink(toBytes: number): void {
    this.#surplus = Math.max(0, this.size - toBytes);
  }

  /** Makes the window larger by so many bytes; they are given to the peer with the next adjust. */
  grow(byteCount: number): void {
    this.#surplus = 0;
    this.size += byteCount;
    this.#returnable += byteCount;
    this.#setThreshold();
  }

  /** All that can be given back, as credit; 0 if there is nothing. */
  flush(): number {
    const bytes = this.#returnable;
    this.#returnable = 0;
    this.credit += bytes;
    return bytes;
  }

  /**
   * Credit goes back after a quarter of the window, at least one packet. Giving it back late costs throughput on a path that
   * fills the window, but such a path has the window doubled (window-growth.ts); each adjust costs a packet, a system call and
   * a wake-up on both sides: at a sixteenth those were a seventh of a fast receiver's time.
   */
  #setThreshold(): void {
    this.#threshold = Math.max(1, Math.min(this.size / 2, Math.max(this.size / 4, this.maxPacketBytes)));
  }
}

/** What we may still send. */
export class SendWindow {
  credit: number;
  /** Bytes sent since the window opened. */
  sent = 0;
  readonly firstCredit: number;
  readonly maxPacketBytes: number;
  /**
   * A window that is raised too far is full, and no error: OpenSSH gives back four bytes more than came for every datagram, and
   * would lose its connection after some 10^9 of them.
   */
  isLenient = false;

  constructor(credit: number, maxPacketBytes: number) {
    this.credit = credit;
    this.firstCredit = credit;
    this.maxPacketBytes = maxPacketBytes;
  }

  /** A WINDOW_ADJUST came. */
  add(bytes: number): void {
    if (this.credit + bytes > largestWindow && !this.isLenient) {
      throw protocolError('channel', `the peer raised a window of ${this.credit} by ${bytes}, past 2^32-1`);
    }
    this.credit = Math.min(this.credit + bytes, largestWindow);
  }

  /** How much of `wanted` may go in one packet now. */
  allow(wanted: number): number {
    return Math.min(wanted, this.credit, this.maxPacketBytes);
  }

  take(byteCount: number): void {
    this.credit -= byteCount;
    this.sent += byteCount;
  }
}

/**
 * The receive windows of one connection together. A peer could otherwise open a thousand channels and fill every window
 * while nobody reads. The last channel allowed still gets `smallestWindowBytes`: that much is set aside for each.
 */
export class WindowBudget {
  readonly #totalBytes: number;
  readonly #maxChannels: number;
  #usedBytes = 0;
  #channels = 0;

  constructor(totalBytes: number, maxChannels: number) {
    this.#totalBytes = totalBytes;
    this.#maxChannels = maxChannels;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The window a new channel gets: what it asks for, or less (never none) when the budget runs low. */
  open(wantedBytes: number): number {
    this.#channels++;
    const smallest = Math.min(wantedBytes, smallestWindowBytes);
    const granted = Math.max(smallest, Math.min(wantedBytes, Math.floor(this.#freeBytes() / 2)));
    this.#usedBytes += granted;
    return granted;
  }

  /** How much of `wantedBytes` an open window may grow by. */
  grow(wantedBytes: number): number {
    const granted = Math.max(0, Math.min(wantedBytes, Math.floor(this.#freeBytes() / 2)));
    this.#usedBytes += granted;
    return granted;
  }

  /** An open window has become smaller by so many bytes. */
  shrink(byteCount: number): void {
    this.#usedBytes -= byteCount;
  }

  close(windowBytes: number): void {
    this.#channels--;
    this.#usedBytes -= windowBytes;
  }

  #freeBytes(): number {
    return this.#totalBytes - this.#usedBytes - smallestWindowBytes * Math.max(0, this.#maxChannels - this.#channels);
  }
}

/** Less than this is no bulk, and says nothing about the path. */
export const leastMeasuredBytes = 64 * 1024;

/** What every channel gets however many there are: two packets of OpenSSH's. */
export const smallestWindowBytes = 64 * 1024;
