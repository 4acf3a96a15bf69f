/** Parses a tool's arguments by its table of flags: one row a flag, one typed result, one kind of error. */
import { Getopt } from './getopt.ts';
import type { FlagRow, FlagTable } from './table.ts';
import { usageError } from './usage.ts';

type FlagResult<Row extends FlagRow> = Row extends { readonly value: string }
  ? Row extends { readonly repeatable: true }
    ? string[]
    : string | undefined
  : Row extends { readonly repeatable: true }
    ? number
    : boolean;

/** The result by name: a string, a list, a count or a boolean, as each row says. */
export type ParsedFlags<Rows extends readonly FlagRow[]> = {
  [Row in Rows[number] as Row['name']]: FlagResult<Row>;
};

export interface ParsedArguments<Rows extends readonly FlagRow[]> {
  readonly flags: ParsedFlags<Rows>;
  /** Every flag as it was typed, in order, for the tools where the order decides (`-4 -6`, `-p 1 -o Port=2`). */
  readonly ordered: readonly { readonly name: Rows[number]['name']; readonly value: string | undefined }[];
  /** What is not a flag. */
  readonly operands: readonly string[];
  /** True when `--` ended the flags. */
  readonly terminated: boolean;
}

/**
 * Parses arguments by a table; nothing else happens here: no file is read, nothing is printed, no value is interpreted.
 *
 * @param args - the arguments without the program's name.
 * @throws SshError `misuse` in stage `usage`, whose message is what belongs on stderr: the mistake, then the usage text.
 * @example
 * const { flags, operands } = parseFlags({ tool: 'ssh-add', rows: [{ letter: 'l', name: 'list', help: 'List the keys.' }] }, args);
 */
export function parseFlags<const Rows extends readonly FlagRow[]>(
  table: FlagTable<Rows>,
  args: readonly string[],
): ParsedArguments<Rows> {
  const byLetter = new Map<string, FlagRow>(table.rows.map((row) => [row.letter, row]));
  const takesValue = new Map(table.rows.map((row) => [row.letter, row.value !== undefined]));
  const found = new Map<string, string[] | string | number | boolean | undefined>(
    table.rows.map((row) => [row.name, emptyResult(row)]),
  );
  const ordered: { name: string; value: string | undefined }[] = [];
  const operands: string[] = [];
  const mix = table.flagsAfterOperands ?? 'end';
  const walk = new Getopt(args, takesValue);

  for (;;) {
    const step = walk.next();
    if (step === undefined) {
      const operand = args[walk.index];
      const goesOn =
        operand !== undefined &&
        !walk.terminated &&
        (mix === 'anywhere' || (mix === 'after-first' && !operands.length));
      if (!goesOn) break;
      operands.push(operand);
      walk.index++;
      continue;
    }
    if (step.kind === 'unknown') throw usageError(table, `unknown option -- ${step.letter}`);
    if (step.kind === 'missing-value') throw usageError(table, `option requires an argument -- ${step.letter}`);
    const row = byLetter.get(step.letter) as FlagRow;
    ordered.push({ name: row.name, value: step.value });
    found.set(row.name, addResult(row, found.get(row.name), step.value));
  }
  operands.push(...args.slice(walk.index));
  // The rows decide both the keys and the kinds of values, so the map's content is what the type says.
  return { flags: Object.fromEntries(found) as ParsedFlags<Rows>, ordered, operands, terminated: walk.terminated };
}

type Result = string[] | string | number | boolean | undefined;

function emptyResult(row: FlagRow): Result {
  if (row.value !== undefined) return row.repeatable ? [] : undefined;
  return row.repeatable ? 0 : false;
}

function addResult(row: FlagRow, before: Result, value: string | undefined): Result {
  if (Array.isArray(before)) return [...before, value as string];
  if (row.value !== undefined) return value;
  return typeof before === 'number' ? before + 1 : true;
}
