/** When the keys must be changed: by bytes, packets and time, whichever comes first (RFC 4253 §9, RFC 4344 §3). */
import { findCipher } from '../crypto/ciphers/table.ts';
import { rekeyAfterBytes, rekeyAfterBytesLargeBlock, rekeyAfterMs, rekeyAfterPackets } from '../limits.ts';

export interface RekeyOptions {
  /** Bytes in one direction under one key; default by the cipher's block size. */
  bytes?: number;
  /** Never more than limits.rekeyAfterPackets: sequence numbers must not wrap under one key. */
  packets?: number;
  /** Time under one key; 0 for no limit by time. */
  ms?: number;
}

interface Counters {
  readonly bytesSinceKeys: number;
  readonly packetsSinceKeys: number;
}

/** The thresholds of one connection. */
export class RekeyPolicy {
  #options: RekeyOptions = {};
  /** Until the ciphers are known, what the weakest may carry. */
  #cipherBytes = rekeyAfterBytes;
  #maxBytes = rekeyAfterBytes;
  #maxPackets = rekeyAfterPackets;

  constructor(options: RekeyOptions = {}) {
    this.setLimits(options);
  }

  get ms(): number {
    return this.#options.ms ?? rekeyAfterMs;
  }

  /** Other thresholds from now on. */
  setLimits(options: RekeyOptions): void {
    this.#options = options;
    this.#maxBytes = options.bytes ?? this.#cipherBytes;
    this.#maxPackets = Math.min(options.packets ?? rekeyAfterPackets, rekeyAfterPackets);
  }

  /** The bytes of a key in blocks of its cipher, as logs count them. */
  blocks(cipher: string): number {
    return Math.floor(this.#maxBytes / (findCipher(cipher)?.blockBytes ?? 8));
  }

  /** The ciphers that are used from now on. */
  setCiphers(...names: string[]): void {
    // RFC 4344 §3.2: 2^(L/4) blocks, so a cipher of 16-byte blocks may go far beyond the gigabyte that 8-byte ones must keep.
    const large = names.every((name) => (findCipher(name)?.blockBytes ?? 8) >= 16 || name.startsWith('chacha20'));
    this.#cipherBytes = large ? rekeyAfterBytesLargeBlock : rekeyAfterBytes;
    this.#maxBytes = this.#options.bytes ?? this.#cipherBytes;
  }

  isDue(...directions: Counters[]): boolean {
    return directions.some(
      (counters) => counters.bytesSinceKeys >= this.#maxBytes || counters.packetsSinceKeys >= this.#maxPackets,
    );
  }
}
