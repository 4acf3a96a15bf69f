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
    name: 'ssh-keygen',
    help: 'makes, shows and changes keys',
    failureExit: 1,
    load: () => import('./ssh-keygen/index.ts'),
  },
];

export function findTool(name: string): ToolRow | undefined {
  return tools.find((tool) => tool.name === name);
}
