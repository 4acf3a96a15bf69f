/** `ssh-agent COMMAND`: runs it beside an agent, passes signals on to it, and ends as it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Ending } from '../ssh-keygen/ending.ts';
import type { RunningAgent } from './background.ts';
import { pidVariable, socketVariable } from './shell-lines.ts';

/** Signals that a supervisor sends to the process it started, which it takes for the command. */
const passedOn: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGINT', 'SIGQUIT'];
/** A terminal sends these to the command as well as to us. */
const sentByTerminal: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];

/** @returns the command's exit status; a signal that ended it ends this process too. */
export async function runCommand(command: readonly string[], agent: RunningAgent, socketPath: string): Promise<number> {
  const [program = '', ...args] = command;
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  let child: ChildProcess | undefined;
  // Before the command runs: it may have itself ended at once by its supervisor.
  for (const signal of passedOn) {
    process.on(signal, () => {
      if (!(hasTerminal && sentByTerminal.includes(signal))) child?.kill(signal);
    });
  }
  const started = spawn(program, args, {
    stdio: 'inherit',
    env: { ...process.env, [socketVariable]: socketPath, [pidVariable]: String(agent.pid) },
  });
  child = started;
  const ending = await new Promise<{ status: number | null; signal: NodeJS.Signals | null } | Error>((resolve) => {
    started.once('error', resolve);
    started.once('exit', (status, signal) => resolve({ status, signal }));
  });
  await agent.end();
  if (ending instanceof Error) throw new Ending(`${program}: ${describe(ending)}`, 1);
  if (ending.signal === null) return ending.status ?? 1;
  for (const signal of passedOn) process.removeAllListeners(signal);
  process.kill(process.pid, ending.signal);
  return new Promise(() => {});
}

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'No such file or directory';
  if (error.code === 'EACCES') return 'Permission denied';
  return error.code ?? error.message;
}
