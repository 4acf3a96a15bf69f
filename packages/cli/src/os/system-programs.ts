/** The system's own programs that a server starts others with, looked for in fixed places. */
import { existsSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';

const places = {
  bash: { paths: ['/bin/bash', '/usr/bin/bash', '/usr/local/bin/bash'], from: 'bash' },
  setpriv: { paths: ['/usr/bin/setpriv', '/bin/setpriv'], from: 'util-linux' },
} as const;

const found = new Map<string, string>();

/**
 * Looks in fixed places: a server that runs as root does not trust its PATH.
 *
 * @throws SshError `unsupported` where it is in none of them.
 */
export function findSystemProgram(name: keyof typeof places): string {
  const { paths, from } = places[name];
  const known = found.get(name) ?? paths.find((path) => existsSync(path));
  if (known === undefined) {
    throw new SshError(`sessions need ${name}, which is in none of ${paths.join(', ')}`, {
      code: 'unsupported',
      stage: 'channel',
      remedy: `install ${from}`,
    });
  }
  found.set(name, known);
  return known;
}
