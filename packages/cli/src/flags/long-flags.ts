/** Long flags of a tool whose others are getopt's: taken out where a flag may stand, and nowhere else. */
import { Getopt } from './getopt.ts';
import type { FlagTable } from './table.ts';

/**
 * Takes `--name` out of the arguments, before and after the first operand; a flag's value, the words behind the second operand
 * and those behind `--` stay as they are. What is no flag at all is left for parseFlags to tell.
 */
export function takeLongFlags(
  table: FlagTable,
  args: readonly string[],
  names: readonly string[],
): { rest: string[]; found: ReadonlySet<string> } {
  const takesValue = new Map(table.rows.map((row) => [row.letter, row.value !== undefined]));
  const rest = [...args];
  const found = new Set<string>();
  let start = 0;
  for (let operand = 0; operand < 2; operand++) {
    let walk = new Getopt(rest, takesValue, start);
    for (;;) {
      const at = walk.index;
      const step = walk.next();
      if (step === undefined) break;
      if (step.kind === 'option') continue;
      const name = rest[at]?.startsWith('--') === true ? rest[at].slice(2) : '';
      if (!names.includes(name)) return { rest, found };
      found.add(name);
      rest.splice(at, 1);
      walk = new Getopt(rest, takesValue, at);
    }
    if (walk.terminated) break;
    start = walk.index + 1;
  }
  return { rest, found };
}
