/** nacre keys list: the inventory as a table or as JSON, and a status for scripts. */
import { formatHelp, parseFlags } from '../../../flags/index.ts';
import { takeInventory } from '../inventory/inventory.ts';

const table = {
  tool: 'nacre keys list',
  rows: [
    { letter: 'a', name: 'all', help: '--all: every line of known_hosts and every .pub file beside its key, too.' },
    { letter: 'h', name: 'help', help: '--help: this text.' },
    { letter: 'j', name: 'json', help: '--json: everything, for programs.' },
    { letter: 'p', name: 'problems', help: '--problems: only what is wrong.' },
  ],
  operands: '[folder ...]',
  flagsAfterOperands: 'anywhere',
} as const;

const longNames = new Map(table.rows.map(({ letter, name }) => [`--${name}`, `-${letter}`]));

const statuses = `
Without a folder: ~/.ssh, and the keys that ~/.ssh/config names.
Status: 0 nothing is wrong, 1 something is (an error or a warning), 2 a folder could not be looked into.`;

export async function run(args: readonly string[]): Promise<number> {
  const { flags, operands } = parseFlags(
    table,
    args.map((word) => longNames.get(word) ?? word),
  );
  if (flags.help) {
    process.stdout.write(`${formatHelp(table)}\n${statuses}\n`);
    return 0;
  }
  const inventory = await takeInventory({ folders: operands, now: Date.now() });
  const wanted = flags.problems
    ? { ...inventory, items: inventory.items.filter(({ problems }) => problems.some(({ level }) => level !== 'note')) }
    : inventory;
  const sawNothing = inventory.failures.length > 0 && inventory.items.length === 0;
  if (flags.json) {
    const { formatJson } = await import('../report/json.ts');
    await write(formatJson(wanted));
  } else if (!sawNothing) {
    const { formatTable } = await import('../report/table-text.ts');
    const { columns, isTTY } = process.stdout;
    const colors = isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
    await write(formatTable(wanted, { columns, colors, all: flags.all, onlyProblems: flags.problems }));
  }
  for (const { folder, reason } of inventory.failures) process.stderr.write(`nacre keys list: ${folder}: ${reason}\n`);
  if (inventory.failures.length > 0) return 2;
  return inventory.summary.errors + inventory.summary.warnings > 0 ? 1 : 0;
}

/** Large lists go through a pipe whole before the program ends. */
function write(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
