/** Commands on this machine: LocalCommand after login, and `!` of the escape command line. */
import { spawn } from 'node:child_process';
import { expandTokens, shellTokens } from '@nacre/ssh/config';
import { inOwnWords } from './algorithms.ts';
import { orUndefined } from './paths.ts';
import type { Request } from './request.ts';

/**
 * Runs LocalCommand where PermitLocalCommand allows it. How it ends is its own affair, as in OpenSSH.
 *
 * @param device - the network interface of the tunnel, where there is one.
 */
export async function runLocalCommand(request: Request, device = 'NONE'): Promise<void> {
  const { settings } = request;
  const command = orUndefined(settings.localCommand);
  if (command === undefined || !settings.permitLocalCommand) return;
  const tokens = { ...shellTokens(request.tokens, 'LocalCommand'), T: () => device };
  await runHere(
    inOwnWords(() => expandTokens(command, tokens, 'LocalCommand')),
    request,
  );
}

/** Runs a line in the person's shell, with our stdin, stdout and stderr; resolves to its exit status. */
export function runHere(command: string, { log }: Pick<Request, 'log'>): Promise<number> {
  const shell = process.env.SHELL || '/bin/sh';
  log.debug(3, `Executing ${shell} -c "${command}"`);
  const child = spawn(shell, ['-c', command], { stdio: 'inherit' });
  return new Promise((resolve) => {
    child.once('error', (error) => {
      log.error(`Couldn't execute ${shell} -c "${command}": ${error.message}`);
      resolve(1);
    });
    child.once('exit', (status) => resolve(status ?? 1));
  });
}
