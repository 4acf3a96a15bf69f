#!/usr/bin/env node
/** The dispatcher: loads the one tool that was asked for, and turns how it ends into stderr and an exit code. */
import { fileURLToPath } from 'node:url';
import type { SshError } from '@nacre/ssh/errors';
import { findTool } from './commands/table.ts';
import type { Tool, ToolRow } from './commands/tool.ts';
import { type LoadedCode, loadCompiled } from './os/compiled-code.ts';
import { packagePath } from './os/installation.ts';

/** `main.js ssh -p 22 host` and `main.js nacre ssh -p 22 host` are the same; without a tool's name it is `nacre`. */
function chooseTool(words: readonly string[]): { tool: ToolRow; args: readonly string[] } {
  const nacre = findTool('nacre') as ToolRow;
  let [name, ...args] = words;
  if (name === 'nacre') [name, ...args] = args;
  const tool = name === undefined ? undefined : findTool(name);
  if (tool === undefined) return { tool: nacre, args: name === undefined ? [] : [name, ...args] };
  return { tool, args };
}

/** What a person reads: a usage text as it is, our own errors in a line, and a bug with its stack. */
function formatFailure(tool: ToolRow, error: unknown): string {
  if (!isSshError(error))
    return `${tool.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  if (error.stage === 'usage' && error.code === 'misuse') return error.message;
  return `${tool.name}: ${error.message}${error.remedy === undefined ? '' : ` (${error.remedy})`}`;
}

// By name, so that a tool which needs nothing of the library does not load it.
function isSshError(error: unknown): error is SshError {
  return error instanceof Error && error.name === 'SshError';
}

/** `ssh host | head`: the reader has gone, which is no error; shells expect the code of SIGPIPE. */
const brokenPipeExit = 128 + 13;

function fail(tool: ToolRow, error: unknown): never {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === 'EPIPE' && syscall === 'write') process.exit(brokenPipeExit);
  process.stderr.write(`${formatFailure(tool, error)}\n`);
  process.exit(tool.failureExit);
}

const { tool, args } = chooseTool(process.argv.slice(2));
process.on('uncaughtException', (error) => fail(tool, error));
process.on('unhandledRejection', (error) => fail(tool, error));
void run();

async function run(): Promise<never> {
  try {
    if (tool.version !== undefined && args.length === 1 && args[0] === '-V') {
      process.stderr.write(`${await tool.version()}\n`);
      process.exit(0);
    }
    const code = loadBundled(tool);
    const status = await ((code?.exports as Tool | undefined) ?? (await tool.load())).run(args);
    if (status === 0 && code !== undefined && isTimeToKeep(code)) await code.keep();
    process.exit(status);
  } catch (error) {
    fail(tool, error);
  }
}

/**
 * In the bundle each tool is a file beside this one. What is kept of its code lies in this package and nowhere else: whoever can
 * write there can write the code as well. A guessable place in /tmp would have a server that runs as root load another user's code.
 */
function loadBundled({ name }: ToolRow): LoadedCode | undefined {
  if (name === 'nacre') return undefined;
  const file = fileURLToPath(new URL(`tool-${name}.cjs`, import.meta.url));
  return loadCompiled(file, packagePath('build', 'compiled'));
}

/**
 * Looking whether a run used code that is not kept yet takes 3 ms: one run in eight does, and those that come soon after it was kept.
 * V8 drops code that was not used for long, so a long run has nothing to keep.
 */
function isTimeToKeep({ wasKept, isRecent }: LoadedCode): boolean {
  return process.uptime() < 60 && (!wasKept || isRecent || process.pid % 8 === 0);
}
