/** A line that is typed and shown while the terminal is raw, as the command line of `~C` needs it. Pure: keys in, an echo and a verdict out. */
import { StringDecoder } from 'node:string_decoder';
import { columnsOf } from './width.ts';

/** More than any forward; further keys are ignored. */
const maxLineCharacters = 4096;

export interface PromptStep {
  /** What the terminal is to show. */
  readonly echo: string;
  /** `line` at Enter, `cancel` at Ctrl-C, Ctrl-Z, or Ctrl-D on an empty line. */
  readonly verdict: 'more' | 'line' | 'cancel';
  /** Keys behind the one that decided. */
  readonly rest: Buffer;
}

export class PromptLine {
  text = '';
  readonly #decoder = new StringDecoder('utf8');

  /** Takes keys until one of them decides. */
  feed(keys: Buffer): PromptStep {
    let echo = '';
    for (let at = 0; at < keys.length; at++) {
      const key = keys[at] as number;
      const rest = keys.subarray(at + 1);
      if (key === 0x0d || key === 0x0a) return { echo: `${echo}\r\n`, verdict: 'line', rest };
      if (key === 0x03 || key === 0x1a)
        return { echo: `${echo}^${key === 3 ? 'C' : 'Z'}\r\n`, verdict: 'cancel', rest };
      if (key === 0x04 && this.text === '') return { echo: `${echo}\r\n`, verdict: 'cancel', rest };
      if (key === 0x7f || key === 0x08) echo += this.#erase(1);
      else if (key === 0x15) echo += this.#erase(Number.POSITIVE_INFINITY);
      else if (key === 0x17) echo += this.#erase(/\S*\s*$/.exec(this.text)?.[0].length ?? 0);
      else if (key >= 0x20 && this.text.length < maxLineCharacters) {
        const character = this.#decoder.write(keys.subarray(at, at + 1));
        // Bytes 0x80 to 0x9f as characters would be commands to the terminal.
        if (!/\p{Cc}/u.test(character)) {
          this.text += character;
          echo += character;
        }
      }
    }
    return { echo, verdict: 'more', rest: keys.subarray(keys.length) };
  }

  #erase(count: number): string {
    const characters = [...this.text];
    const gone = characters.splice(Math.max(0, characters.length - count));
    this.text = characters.join('');
    return '\b \b'.repeat(columnsOf(gone.join('')));
  }
}
