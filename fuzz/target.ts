/** What a fuzz target is. */

/** A parser, or a machine of parsers, that takes any bytes. */
export interface FuzzTarget {
  /** Names it on the command line and its folder below fuzz/seeds. */
  readonly name: string;
  /** Valid inputs that the mutations begin with; files in fuzz/seeds/NAME are added. */
  readonly seeds: readonly Buffer[];
  /**
   * Takes one input. It may throw SshError and nothing else; whatever other promise the parser gives, such as that what it
   * accepts survives encoding and decoding, is checked here by throwing any other error.
   */
  readonly run: (input: Buffer) => void | Promise<void>;
}
