/** The line editing of a hidden prompt: what keys do while the terminal is raw. Pure: bytes in, a verdict out. */

/** More than any passphrase; further keys are ignored. */
export const maxLineBytes = 4096;

export type LineVerdict =
  | { readonly kind: 'more' }
  /** Enter: the line, and what was typed ahead for the next question. */
  | { readonly kind: 'line'; readonly rest: Buffer }
  /** Ctrl-D on an empty line. */
  | { readonly kind: 'end'; readonly rest: Buffer }
  /** Ctrl-C, Ctrl-\ or Ctrl-Z: what a cooked terminal would have sent. */
  | { readonly kind: 'signal'; readonly signal: 'SIGINT' | 'SIGQUIT' | 'SIGTSTP'; readonly rest: Buffer };

const signals = new Map([
  [0x03, 'SIGINT'],
  [0x1c, 'SIGQUIT'],
  [0x1a, 'SIGTSTP'],
] as const);

/** A line under construction. */
export class LineInput {
  #bytes = Buffer.alloc(maxLineBytes);
  #length = 0;

  /** Takes keys until one of them decides. */
  feed(keys: Buffer): LineVerdict {
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as number;
      const signal = signals.get(key as 0x03 | 0x1c | 0x1a);
      if (signal !== undefined) return { kind: 'signal', signal, rest: keys.subarray(i + 1) };
      if (key === 0x0d || key === 0x0a) return { kind: 'line', rest: keys.subarray(i + 1) };
      if (key === 0x04) {
        if (this.#length === 0) return { kind: 'end', rest: keys.subarray(i + 1) };
      } else if (key === 0x7f || key === 0x08) this.#eraseCharacter();
      else if (key === 0x15) this.#erase(0);
      else if (this.#length < maxLineBytes) this.#bytes[this.#length++] = key;
    }
    return { kind: 'more' };
  }

  /** The text so far; the bytes behind it are wiped. */
  take(): string {
    const text = this.#bytes.toString('utf8', 0, this.#length);
    this.#erase(0);
    return text;
  }

  /** Backspace takes a whole UTF-8 character: its continuation bytes and the byte that leads them. */
  #eraseCharacter(): void {
    let end = this.#length;
    while (end > 1 && ((this.#bytes[end - 1] as number) & 0xc0) === 0x80) end--;
    this.#erase(Math.max(0, end - 1));
  }

  #erase(to: number): void {
    this.#bytes.fill(0, to, this.#length);
    this.#length = to;
  }
}
