/** A long option beside getopt's letters: taken out where OpenSSH's tools would call it unknown, and nowhere else. */
import { Getopt } from './getopt.ts';
import type { FlagTable } from './table.ts';

/**
 * Takes a word such as `--json` out of the options at the front of an argument list. Where it is the value of an option, or
 * stands behind the options, it is left.
 */
export function takeLongWord(
  table: FlagTable,
  args: readonly string[],
  word: string,
): { readonly rest: readonly string[]; readonly isThere: boolean } {
  const walk = new Getopt(args, new Map(table.rows.map((row) => [row.letter, row.value !== undefined])));
  for (;;) {
    // Between two options, or inside of a bundle, which begins with a single dash.
    if (args[walk.index] === word) {
      const without = [...args.slice(0, walk.index), ...args.slice(walk.index + 1)];
      return { rest: takeLongWord(table, without, word).rest, isThere: true };
    }
    const step = walk.next();
    if (step === undefined || step.kind !== 'option') return { rest: args, isThere: false };
  }
}
