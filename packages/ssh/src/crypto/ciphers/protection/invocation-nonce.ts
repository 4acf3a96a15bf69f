/** The nonces of AES-GCM in SSH. */
import { SshError } from '../../../errors.ts';

/** RFC 5647 §7.1: four fixed bytes, then a 64-bit counter of invocations that starts where the derived IV has it. */
export class InvocationNonce {
  readonly #bytes: Buffer;
  #exhausted = false;

  constructor(iv: Buffer) {
    this.#bytes = Buffer.from(iv);
  }

  /** The nonce of the packet at hand; a view, changed by `advance`. */
  current(): Buffer {
    // A repeated nonce gives the authentication key away. Rekeying comes long before; this is the last line.
    if (this.#exhausted) {
      throw new SshError('the invocation counter of AES-GCM has run out under this key', {
        code: 'limit-exceeded',
        stage: 'transport',
        remedy: 'Connect again, or rekey more often.',
      });
    }
    return this.#bytes;
  }

  advance(): void {
    const bytes = this.#bytes;
    for (let at = 11; at >= 4; at--) {
      const digit = ((bytes[at] as number) + 1) & 0xff;
      bytes[at] = digit;
      if (digit !== 0) return;
    }
    this.#exhausted = true;
  }
}
