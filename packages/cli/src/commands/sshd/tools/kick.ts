/** `nacre sshd kick`: ends connections of a server. */
import { isIP } from 'node:net';
import { formatHelp, parseFlags, usageError } from '../../../flags/index.ts';
import { sanitize } from '../../../terminal/index.ts';
import type { ConnectionSelector, EndedConnection } from '../status/types.ts';
import { askNamedServer, serverRows } from './which-server.ts';

export const table = {
  tool: 'nacre sshd kick',
  rows: [
    { letter: 'm', name: 'message', value: 'message', help: 'What the clients are told.' },
    { letter: 'json', name: 'json', help: 'What was ended, for programs.' },
    ...serverRows,
  ],
  operands: 'user|address|connection ...',
  flagsAfterOperands: 'anywhere',
} as const;

const notes = `
Ends the connections of a user, from an address or network, or by the number that status shows. user:NAME, address:ADDRESS and
connection:NUMBER say which is meant where a word could be several.
Status: 0; 1 where nobody was there to be ended.

  nacre sshd kick ada
  nacre sshd kick 192.0.2.0/24 -m 'the network is being moved'
  nacre sshd kick 17`;

const defaultMessage = 'ended by the administrator';

export async function run(args: readonly string[]): Promise<number> {
  const { flags, operands } = parseFlags(table, args);
  if (flags.help || flags.helpWord) {
    process.stdout.write(`${formatHelp(table)}\n${notes}\n`);
    return 0;
  }
  if (operands.length === 0) throw usageError(table, 'Name a user, an address or a connection.');
  const selectors = operands.map(parseSelector);
  const reason = flags.message ?? defaultMessage;
  const { ended } = (await askNamedServer(flags, { ask: 'kick', selectors, reason })) as {
    ended: readonly EndedConnection[];
  };
  const lines = ended.map(({ id, user, address = 'UNKNOWN', port = 65_535 }) => {
    const name = user === undefined ? 'not logged in' : `user ${sanitize(user)}`;
    return `connection ${id}: ${name} from ${address} port ${port}`;
  });
  if (flags.json) process.stdout.write(`${JSON.stringify({ ended }, undefined, 2)}\n`);
  else process.stdout.write(ended.length === 0 ? 'nobody was there\n' : `${lines.join('\n')}\n`);
  return ended.length === 0 ? 1 : 0;
}

/** `ada`, `192.0.2.7`, `192.0.2.0/24`, `17`, or one of them with its kind before it. */
export function parseSelector(word: string): ConnectionSelector {
  const [, kind, rest = ''] = /^(user|address|connection):(.+)$/s.exec(word) ?? [];
  if (kind === 'user') return { kind, user: rest };
  if (kind === 'address') return { kind, address: rest };
  if (kind === 'connection') return { kind, id: readId(rest) };
  if (isIP(word.split('/')[0] ?? '') !== 0) return { kind: 'address', address: word };
  return /^\d+$/.test(word) ? { kind: 'connection', id: readId(word) } : { kind: 'user', user: word };
}

function readId(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw usageError(table, `"${text}" is no number of a connection.`);
}
