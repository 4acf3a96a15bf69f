/** `ssh-agent -D` and `-d`: serves in this process, until a signal ends it. */
import { findActivatedSocket } from './activation.ts';
import { serve } from './agent.ts';
import { endOnSignals } from './end.ts';
import { listen, listenOn } from './listen.ts';
import { createLog } from './log.ts';
import { prepareSocketPath } from './prepare.ts';
import type { AgentFlags, AgentSettings } from './settings.ts';
import { type ShellLines, socketVariable } from './shell-lines.ts';

/** Never returns but by an error. */
export async function runInForeground(flags: AgentFlags, settings: AgentSettings, shell: ShellLines): Promise<never> {
  const log = createLog(flags.debug > 0);
  const given = flags.address === undefined ? findActivatedSocket(process.env) : undefined;
  const chosen = given === undefined ? await prepareSocketPath(flags) : undefined;
  const listener = chosen === undefined ? await listenOn(given as number) : await listen(chosen);
  endOnSignals(listener, ['SIGINT', 'SIGHUP', 'SIGTERM'], log);
  if (chosen === undefined) log('debug', `using socket activation on fd=${given}`);
  else process.stdout.write(`${shell.set(socketVariable, chosen.path)}echo Agent pid ${process.pid};\n`);
  serve(listener, settings, given === undefined ? 'own' : 'given', log);
  return new Promise(() => {});
}
