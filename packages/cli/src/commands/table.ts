/** The tools: a row each, loaded only when it is the one that was asked for. */

/** What `commands/<tool>/index.ts` exports. */
export interface Tool {
  /** Runs the tool and gives its exit code; whatever it throws is printed and mapped to `failureExit`. */
  run(args: readonly string[]): Promise<number> | number;
}

export interface ToolRow {
  readonly name: string;
  /** One line for the list of tools. */
  readonly help: string;
  /** Exit code for an error of the tool itself: ssh keeps 255 apart from what the remote command returns. */
  readonly failureExit: number;
  load(): Promise<Tool>;
}

export const tools: readonly ToolRow[] = [
  { name: 'nacre', help: 'this list, and the version', failureExit: 1, load: () => import('./nacre/index.ts') },
  {
    name: 'start',
    help: 'a server for yourself alone, to try',
    failureExit: 1,
    load: () => import('./start/index.ts'),
  },
  { name: 'sshd', help: 'server', failureExit: 255, load: () => import('./sshd/index.ts') },
];

export function findTool(name: string): ToolRow | undefined {
  return tools.find((tool) => tool.name === name);
}
