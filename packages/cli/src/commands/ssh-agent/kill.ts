/** `ssh-agent -k`: ends the agent that the environment names. */
import { Ending } from '../ssh-keygen/ending.ts';
import { parseNumber } from '../ssh-keygen/number.ts';
import { pidVariable, type ShellLines, socketVariable } from './shell-lines.ts';

const maxPid = 2 ** 31 - 1;

/** Ends it, and gives the lines for the shell. */
export function killAgent(environment: NodeJS.ProcessEnv, shell: ShellLines): string {
  const text = environment[pidVariable];
  if (text === undefined) throw new Ending(`${pidVariable} not set, cannot kill agent`, 1);
  const pid = readPid(text);
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Ending(`kill: ${code === 'EPERM' ? 'Operation not permitted' : 'No such process'}`, 1);
  }
  return `${shell.unset(socketVariable)}${shell.unset(pidVariable)}echo Agent pid ${pid} killed;\n`;
}

function readPid(text: string): number {
  try {
    // 1 is init, and everything below is a group of processes or all of them.
    return parseNumber(text, 2, maxPid, (reason) => reason);
  } catch (error) {
    if (!(error instanceof Ending)) throw error;
    throw new Ending(`${pidVariable}="${text}", which is not a good PID: ${error.message}`, 1);
  }
}
