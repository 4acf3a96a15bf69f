/** How a tool declares its flags: a table of rows. */

/** One flag of a tool. */
export interface FlagRow {
  /** The letter after the dash; a word for a flag of ours that OpenSSH does not have, typed as `--word`. */
  readonly letter: string;
  /** Its name in the parsed result. */
  readonly name: string;
  /** What the value is, as the usage text calls it (`port`); absent for a flag without a value. */
  readonly value?: string;
  /** May stand more than once: values are collected, a flag without a value is counted. Otherwise the last one wins. */
  readonly repeatable?: boolean;
  /** One sentence for the help text. */
  readonly help: string;
}

/** What a tool says of its arguments. */
export interface FlagTable<Rows extends readonly FlagRow[] = readonly FlagRow[]> {
  /** The tool's name as typed. */
  readonly tool: string;
  readonly rows: Rows;
  /** What follows the flags in the usage text: `destination [command [argument ...]]`. */
  readonly operands?: string;
  /**
   * How operands and flags mix: `end` stops at the first operand (POSIX, the default); `after-first` also reads the flags
   * between the first operand and the next one, as `ssh host -v command -x` has it; `anywhere` lets them mix, up to `--`.
   */
  readonly flagsAfterOperands?: 'end' | 'after-first' | 'anywhere';
  /** The whole usage text in place of the one built from the rows. */
  readonly usage?: string;
}
