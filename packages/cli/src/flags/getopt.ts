/** getopt(3), exactly: bundled letters, attached values, and a stop at `--`, at `-` and at the first operand. */

/** One step of the walk: an option, an error, or the end (`undefined`). */
export type GetoptStep =
  | { kind: 'option'; letter: string; value: string | undefined }
  | { kind: 'unknown'; letter: string }
  | { kind: 'missing-value'; letter: string };

/**
 * Walks the options of an argument list as POSIX getopt(3) does.
 *
 * Own lines rather than the posix-getopt package: that costs 8 ms of start-up, and takes `--word` for a long option where
 * OpenSSH's getopt says `unknown option -- -`. The tests compare the two on everything else.
 */
export class Getopt {
  /** The first argument that is not consumed yet. */
  index: number;
  /** True when the walk ended at `--`. */
  terminated = false;
  readonly #args: readonly string[];
  readonly #takesValue: ReadonlyMap<string, boolean>;
  /** Position inside a bundle such as `-vvp22`; 0 between arguments. */
  #offset = 0;

  /**
   * @param args - the arguments, the program's name not among them.
   * @param takesValue - every known letter, and whether a value follows it. A word is a long option of ours (`--word`): one that
   *   is known is taken, every other argument is read as getopt reads it.
   */
  constructor(args: readonly string[], takesValue: ReadonlyMap<string, boolean>, index = 0) {
    this.#args = args;
    this.#takesValue = takesValue;
    this.index = index;
  }

  /** The next option, or undefined at the end of the options. */
  next(): GetoptStep | undefined {
    const argument = this.#args[this.index];
    if (argument === undefined) return undefined;
    if (this.#offset === 0) {
      if (argument.length < 2 || argument[0] !== '-') return undefined;
      if (argument === '--') {
        this.index++;
        this.terminated = true;
        return undefined;
      }
      const long = this.#takeLong(argument);
      if (long !== undefined) return long;
      this.#offset = 1;
    }
    const letter = String.fromCodePoint(argument.codePointAt(this.#offset) as number);
    this.#offset += letter.length;
    const rest = argument.slice(this.#offset);
    const takesValue = this.#takesValue.get(letter);
    if (takesValue !== true) {
      if (rest === '') this.#advance();
      return takesValue === undefined ? { kind: 'unknown', letter } : { kind: 'option', letter, value: undefined };
    }
    this.#advance();
    if (rest !== '') return { kind: 'option', letter, value: rest };
    const value = this.#args[this.index];
    if (value === undefined) return { kind: 'missing-value', letter };
    this.index++;
    return { kind: 'option', letter, value };
  }

  /** `--word`, `--word=value` or `--word value`. */
  #takeLong(argument: string): GetoptStep | undefined {
    const [, word = '', attached] = /^--([^=]{2,})(?:=([\s\S]*))?$/.exec(argument) ?? [];
    const takesValue = this.#takesValue.get(word);
    if (takesValue === undefined || (!takesValue && attached !== undefined)) return undefined;
    this.index++;
    if (!takesValue || attached !== undefined) return { kind: 'option', letter: word, value: attached };
    const value = this.#args[this.index];
    if (value === undefined) return { kind: 'missing-value', letter: word };
    this.index++;
    return { kind: 'option', letter: word, value };
  }

  #advance(): void {
    this.index++;
    this.#offset = 0;
  }
}
