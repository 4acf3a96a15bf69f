/** nacre keys: what keys there are, and what is wrong with them. Each subcommand is a row of subcommands/table.ts. */
import { SshError } from '@nacre/ssh/errors';
import { findSubcommand, subcommands } from './subcommands/table.ts';

export async function run(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(`${usage()}\n`);
    return 0;
  }
  const subcommand = name === undefined ? undefined : findSubcommand(name);
  if (subcommand !== undefined) return await (await subcommand.load()).run(rest);
  const mistake = name === undefined ? '' : `keys has no subcommand "${name}"\n`;
  throw new SshError(`${mistake}${usage()}`, { code: 'misuse', stage: 'usage' });
}

function usage(): string {
  const width = Math.max(...subcommands.map(({ name }) => name.length)) + 2;
  const rows = subcommands.map(({ name, help }) => `  ${name.padEnd(width)}${help}`);
  return ['usage: nacre keys subcommand [argument ...]', '', 'Subcommands:', ...rows].join('\n');
}
