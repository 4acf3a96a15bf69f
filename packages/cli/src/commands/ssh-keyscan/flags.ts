/** The flags of ssh-keyscan. */
import type { ParsedFlags } from '../../flags/flags.ts';
import type { FlagRow } from '../../flags/table.ts';

const rows = [
  { letter: '4', name: 'ipv4', help: 'Use IPv4 addresses only.' },
  { letter: '6', name: 'ipv6', help: 'Use IPv6 addresses only.' },
  { letter: 'c', name: 'certificates', help: 'Ask for host certificates instead of plain keys.' },
  { letter: 'D', name: 'sshfp', help: 'Print SSHFP records for the DNS.' },
  { letter: 'H', name: 'hash', help: 'Hash all names and addresses in the output.' },
  { letter: 'q', name: 'quiet', help: 'Leave out the comments that name servers and their software.' },
  { letter: 'v', name: 'verbose', repeatable: true, help: 'Tell on stderr what goes on.' },
  { letter: 'f', name: 'files', value: 'file', repeatable: true, help: 'Read hosts from this file; - is stdin.' },
  { letter: 'O', name: 'options', value: 'option', repeatable: true, help: 'hashalg=sha1 or hashalg=sha256, for -D.' },
  { letter: 'p', name: 'port', value: 'port', help: 'The port to connect to.' },
  { letter: 'T', name: 'timeout', value: 'timeout', help: 'How long a server may take; 5 seconds.' },
  { letter: 't', name: 'types', value: 'type', help: 'Types of keys, separated by commas.' },
] as const satisfies readonly FlagRow[];

export const table = {
  tool: 'ssh-keyscan',
  rows,
  usage: `usage: ssh-keyscan [-46cDHqv] [-f file] [-O option] [-p port] [-T timeout]
                   [-t type] [host | addrlist namelist]`,
} as const;

export type KeyscanFlags = ParsedFlags<typeof table.rows>;
