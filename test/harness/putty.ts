/** PuTTY's command line programs: plink, pscp, psftp. */
import { type KeyPair, puttyKey } from './keys.ts';
import { requireProgram } from './paths.ts';
import type { TestServer } from './servers.ts';

export interface PuttyOptions {
  program?: 'plink' | 'pscp' | 'psftp';
  identity?: KeyPair;
  flags?: readonly string[];
}

/**
 * Options of a PuTTY program that log in to a server of the harness, host keys pinned; the host and what follows it is the
 * caller's, as in pscp `file user@host:path`.
 */
export async function puttyCommand(
  server: TestServer,
  args: readonly string[],
  options: PuttyOptions = {},
): Promise<string[]> {
  const key = await puttyKey(options.identity ?? server.identity);
  const pins = server.hostKeys.flatMap(({ fingerprint }) => ['-hostkey', fingerprint]);
  const login = ['-batch', '-P', String(server.port), '-l', server.user, '-i', key];
  return [requireProgram(options.program ?? 'plink'), ...login, ...pins, ...(options.flags ?? []), ...args];
}
