/** The subcommands of nacre keys: a row each. */
import type { Tool } from '../../tool.ts';

export interface Subcommand {
  readonly name: string;
  /** One line for the usage text. */
  readonly help: string;
  load(): Promise<Tool>;
}

export const subcommands: readonly Subcommand[] = [
  {
    name: 'list',
    help: 'every key and every line that trusts one, and what is wrong with them',
    load: () => import('./list.ts'),
  },
];

export function findSubcommand(name: string): Subcommand | undefined {
  return subcommands.find((row) => row.name === name);
}
