/** ssh-agent, OpenSSH's or another. */
import { join } from 'node:path';
import { makeFolder } from './cleanup.ts';
import { openSshProgram } from './openssh.ts';
import { startProgram } from './programs.ts';

/** Starts an agent that holds nothing yet, to the end of the tests; gives its socket. */
export async function startAgent(program: string = openSshProgram('ssh-agent')): Promise<string> {
  const socket = join(makeFolder('agent'), 's');
  await startProgram([program, '-D', '-a', socket]).waitForLog(/Agent pid/);
  return socket;
}
