/** !: a command for the shell here, or the shell itself. */
import { spawn } from 'node:child_process';
import { toPathBytes } from '@nacre/ssh/sftp';
import type { Voice } from '../voice.ts';
import type { Verb } from './verb.ts';

export const shell: Verb = {
  names: ['!'],
  takesLine: true,
  run: async ({ voice }, { rest }) => {
    await runShell(voice, rest);
    return true;
  },
};

/** How it ends is told, and is no failure of ours. */
export async function runShell(voice: Voice, command: string): Promise<void> {
  const program = process.env.SHELL || '/bin/sh';
  // Node takes arguments as UTF-8 only: what else the line holds is lost in them.
  const args = command === '' ? [] : ['-c', toPathBytes(command).toString('utf8')];
  const child = spawn(program, args, { stdio: 'inherit' });
  await new Promise<void>((resolve) => {
    child.once('error', ({ message }) => {
      voice.complain(`Couldn't execute "${program}": ${message}`);
      resolve();
    });
    child.once('exit', (status) => {
      if (status === null) voice.complain('Shell exited abnormally');
      else if (status !== 0) voice.complain(`Shell exited with status ${status}`);
      resolve();
    });
  });
}
