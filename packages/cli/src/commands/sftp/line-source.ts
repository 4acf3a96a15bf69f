/** Lines of commands, wherever they come from. */

export interface Lines {
  /** Each is shown before it is run, since nobody typed it here. */
  readonly areRepeated: boolean;
  /** Undefined at their end. */
  next(): Promise<string | undefined>;
  close(): void;
}
