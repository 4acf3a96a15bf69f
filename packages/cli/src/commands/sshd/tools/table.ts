/** The words behind `nacre sshd` that ask a server which runs: a row each. */
import type { Tool } from '../../tool.ts';

interface Subcommand {
  readonly name: string;
  load(): Promise<Tool>;
}

const subcommands: readonly Subcommand[] = [
  { name: 'status', load: () => import('./status.ts') },
  { name: 'kick', load: () => import('./kick.ts') },
  { name: 'health', load: () => import('./health.ts') },
];

export function findSubcommand(name: string | undefined): Subcommand | undefined {
  return subcommands.find((row) => row.name === name);
}
