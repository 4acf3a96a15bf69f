/** What somebody unknown may send before login, all in all. */
import { maxBytesBeforeAuth, maxPacketsBeforeAuth } from '../limits.ts';
import { limitExceeded } from './endings.ts';

/** Counts, and throws SshError `limit-exceeded` where it has become too much. */
export class BeforeAuth {
  #packets = 0;
  #bytes = 0;

  countBytes(byteCount: number): void {
    this.#bytes += byteCount;
    if (this.#bytes > maxBytesBeforeAuth) throw limitExceeded(`more than ${maxBytesBeforeAuth} bytes before login`);
  }

  countPacket(): void {
    if (++this.#packets > maxPacketsBeforeAuth) {
      throw limitExceeded(`more than ${maxPacketsBeforeAuth} packets before login`);
    }
  }
}
