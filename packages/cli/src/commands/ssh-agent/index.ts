/** ssh-agent: holds keys and signs with them, for programs that have its socket. */
import { parseFlags } from '../../flags/flags.ts';
import { usageError } from '../../flags/usage.ts';
import { Ending } from '../ssh-keygen/ending.ts';
import { takeOrder } from './background.ts';
import { table } from './flags.ts';
import { type AgentFlags, readSettings } from './settings.ts';
import { chooseShell, pidVariable, socketVariable } from './shell-lines.ts';

export async function run(args: readonly string[]): Promise<number> {
  const { flags, operands } = parseFlags(table, args);
  const order = takeOrder(process.env);
  try {
    if (order !== undefined) return await (await import('./serve-order.ts')).serveOrder(order, readSettings(flags));
    return await runAsked(args, flags, operands);
  } catch (error) {
    if (!(error instanceof Ending)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error.status;
  }
}

async function runAsked(args: readonly string[], flags: AgentFlags, command: readonly string[]): Promise<number> {
  if (flags.version) return print(`${(await import('../ssh/version.ts')).versionLine()}\n`, process.stderr);
  const settings = readSettings(flags);
  const inForeground = flags.debug + flags.foreground;
  if ((flags.csh && flags.sh) || inForeground > 1) throw usageError(table);
  if (command.length > 0 && (flags.csh || flags.sh || flags.kill || inForeground > 0)) throw usageError(table);
  if (flags.cleanStale > 0) {
    await (await import('./stale-sockets.ts')).removeStaleSockets(flags.cleanStale > 1);
    return print('Deleted stale agent sockets from ~/.ssh/agent\n');
  }
  const shell = chooseShell(flags, process.env.SHELL);
  if (flags.kill) return print((await import('./kill.ts')).killAgent(process.env, shell));
  if (inForeground > 0) return (await import('./foreground.ts')).runInForeground(flags, settings, shell);
  return startBehind(args, flags, command);
}

/** The agent in a process of its own; this one says where it is, or becomes the command. */
async function startBehind(args: readonly string[], flags: AgentFlags, command: readonly string[]): Promise<number> {
  const [{ prepareSocketPath }, { startAgent }] = await Promise.all([
    import('./prepare.ts'),
    import('./background.ts'),
  ]);
  const chosen = await prepareSocketPath(flags);
  const agent = await startAgent(args, { ...chosen, endsWithStarter: command.length > 0 });
  if (command.length > 0) return (await import('./command.ts')).runCommand(command, agent, chosen.path);
  const shell = chooseShell(flags, process.env.SHELL);
  const lines = shell.set(socketVariable, chosen.path) + shell.set(pidVariable, agent.pid);
  return print(`${lines}echo Agent pid ${agent.pid};\n`);
}

function print(text: string, to: NodeJS.WriteStream = process.stdout): Promise<number> {
  return new Promise((resolve, reject) => to.write(text, (error) => (error ? reject(error) : resolve(0))));
}
