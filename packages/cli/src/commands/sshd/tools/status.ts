/** `nacre sshd status`: who is on a server, and what they do there. */
import { formatHelp, parseFlags, usageError } from '../../../flags/index.ts';
import { formatStatus } from '../status/text.ts';
import type { ServerStatus } from '../status/types.ts';
import { askNamedServer, serverRows } from './which-server.ts';

const table = {
  tool: 'nacre sshd status',
  rows: [{ letter: 'json', name: 'json', help: 'All of it, for programs.' }, ...serverRows],
} as const;

const notes = `
Asks the server at its control socket, which answers root and the server's own user.

  nacre sshd status                        the server of /etc/ssh/sshd_config, or the only one that runs
  nacre sshd status -f my_config -p 2222   the one that was started so
  nacre sshd status --json | jq '.connections[] | select(.login).login.user'`;

export async function run(args: readonly string[]): Promise<number> {
  const { flags, operands } = parseFlags(table, args);
  if (flags.help || flags.helpWord) {
    process.stdout.write(`${formatHelp(table)}\n${notes}\n`);
    return 0;
  }
  if (operands.length > 0) throw usageError(table, `Extra argument ${operands[0]}.`);
  const status = (await askNamedServer(flags, { ask: 'status' })) as ServerStatus;
  process.stdout.write(flags.json ? `${JSON.stringify(status, undefined, 2)}\n` : formatStatus(status, Date.now()));
  return 0;
}
