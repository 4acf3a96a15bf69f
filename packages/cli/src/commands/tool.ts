/** What a tool is to the dispatcher. */

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
  /** What `-V` alone prints on stderr, for a tool that is asked so often that it need not be loaded for it. */
  version?(): Promise<string>;
}
