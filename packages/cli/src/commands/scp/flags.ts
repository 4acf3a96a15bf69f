/** scp's flags: what they ask for, and what of them is handed on to ssh. */
import { parseFlags, usageError } from '../../flags/index.ts';
import { parsePort, readSftpOption, type SftpLimits } from '../files/numbers.ts';
import { FatalError } from '../ssh/end.ts';

export const flagTable = {
  tool: 'scp',
  usage: [
    'usage: scp [-346ABCOpqRrsTv] [-c cipher] [-D sftp_server_path] [-F ssh_config]',
    '           [-i identity_file] [-J destination] [-l limit] [-o ssh_option]',
    '           [-P port] [-S program] [-X sftp_option] source ... target',
  ].join('\n'),
  rows: [
    { letter: '1', name: 'protocol1', help: 'Refused: protocol 1 is gone.' },
    { letter: '2', name: 'protocol2', help: 'Ignored: there is no other protocol.' },
    { letter: '3', name: 'throughHere', help: 'Copy between two hosts by way of this one (the default).' },
    { letter: '4', name: 'ipv4', help: 'Use IPv4 addresses only.' },
    { letter: '6', name: 'ipv6', help: 'Use IPv6 addresses only.' },
    { letter: 'A', name: 'forwardAgent', help: 'Forward the agent.' },
    { letter: 'B', name: 'batch', help: 'Ask for no passwords and passphrases.' },
    { letter: 'C', name: 'compress', help: 'Ask for compression.' },
    { letter: 'd', name: 'targetIsFolder', help: 'At the other end: the target has to be a folder.' },
    { letter: 'f', name: 'source', help: 'At the other end: send.' },
    { letter: 'O', name: 'oldProtocol', help: 'Use the scp protocol in place of sftp.' },
    { letter: 'p', name: 'preserve', help: 'Keep times and modes.' },
    { letter: 'q', name: 'quiet', help: 'Show no progress, and none of what ssh tells.' },
    { letter: 'R', name: 'fromOrigin', help: 'Copy between two hosts by running scp on the first.' },
    { letter: 'r', name: 'recursive', help: 'Copy folders with all that is in them; links are followed.' },
    { letter: 's', name: 'sftp', help: 'Use sftp (the default).' },
    { letter: 'T', name: 'trustNames', help: 'Take whatever names the other end sends.' },
    { letter: 't', name: 'sink', help: 'At the other end: receive.' },
    { letter: 'v', name: 'verbose', help: 'Say what happens; up to three times for more.', repeatable: true },
    { letter: 'c', name: 'cipher', value: 'cipher', help: 'Ciphers, preferred first.' },
    {
      letter: 'D',
      name: 'server',
      value: 'sftp_server_path',
      help: 'Start this sftp server here, and connect nowhere.',
    },
    { letter: 'F', name: 'configFile', value: 'ssh_config', help: "Read this file for ssh's settings." },
    { letter: 'i', name: 'identity', value: 'identity_file', help: 'A key to log in with.', repeatable: true },
    { letter: 'J', name: 'jump', value: 'destination', help: 'Connect by way of these hosts.' },
    { letter: 'l', name: 'limit', value: 'limit', help: 'No faster than so many Kbit/s.' },
    { letter: 'o', name: 'option', value: 'ssh_option', help: 'Any of the settings of ssh.', repeatable: true },
    { letter: 'P', name: 'port', value: 'port', help: 'The port to connect to.' },
    { letter: 'S', name: 'program', value: 'program', help: 'A program to connect with, called as ssh is.' },
    { letter: 'X', name: 'sftpOption', value: 'sftp_option', help: 'buffer=BYTES, nrequests=N.', repeatable: true },
  ],
} as const;

/** What the command line asks for. */
export interface ScpRequest {
  /** `source` and `sink`: we are the other end of somebody's scp. */
  readonly role: 'client' | 'source' | 'sink';
  readonly isOld: boolean;
  readonly fromOrigin: boolean;
  readonly recursive: boolean;
  readonly preserve: boolean;
  readonly quiet: boolean;
  readonly verbose: number;
  readonly targetIsFolder: boolean;
  readonly trustNames: boolean;
  /** ssh's arguments in front of those that a host brings along. */
  readonly sshFlags: readonly string[];
  /** Those of the person's own, for an ssh that runs scp at the other end (-R). */
  readonly ownFlags: readonly string[];
  readonly program: string | undefined;
  readonly server: string | undefined;
  readonly port: number | undefined;
  readonly bytesPerSecond: number | undefined;
  readonly limits: SftpLimits;
  readonly operands: readonly string[];
}

/** ssh's own settings must not make more of it than a way for our bytes. */
const firstFlags = [
  '-x',
  '-oPermitLocalCommand=no',
  '-oClearAllForwardings=yes',
  '-oRemoteCommand=none',
  '-oRequestTTY=no',
  '-oControlMaster=no',
];
/** Last, where the person has not asked for it: the first value counts. */
const lastFlags = ['-oForwardAgent=no'];

const most = 100 * 1024 * 1024;

/** @throws SshError `misuse` whose text is the usage; FatalError for a value that is none. */
export function readCommandLine(args: readonly string[]): ScpRequest {
  const { flags, ordered, operands } = parseFlags(flagTable, args);
  if (flags.protocol1) throw new FatalError('SSH protocol v.1 is no longer supported');
  const ownFlags = ordered.flatMap(({ name, value }) => sshFlags(name, value));
  const limits: SftpLimits = {};
  for (const text of flags.sftpOption) Object.assign(limits, readSftpOption(text));
  const role = flags.source ? 'source' : flags.sink ? 'sink' : 'client';
  if (role === 'client' && operands.length < 2) throw usageError(flagTable);
  // The last of each pair counts.
  const last = (names: readonly string[]) => ordered.findLast(({ name }) => names.includes(name))?.name;
  return {
    role,
    isOld: last(['oldProtocol', 'sftp']) === 'oldProtocol',
    fromOrigin: last(['throughHere', 'fromOrigin']) === 'fromOrigin',
    recursive: flags.recursive,
    preserve: flags.preserve,
    quiet: flags.quiet,
    verbose: flags.verbose,
    targetIsFolder: flags.targetIsFolder || (role === 'client' && operands.length > 2),
    trustNames: flags.trustNames,
    sshFlags: [...firstFlags, ...ownFlags, ...lastFlags],
    ownFlags,
    program: flags.program,
    server: flags.server,
    port: flags.port === undefined ? undefined : readPort(flags.port),
    bytesPerSecond: flags.limit === undefined ? undefined : readLimit(flags.limit),
    limits,
    operands,
  };
}

/** What of a flag is handed on, in the order in which it was typed. */
function sshFlags(name: (typeof flagTable.rows)[number]['name'], value: string | undefined): string[] {
  switch (name) {
    case 'ipv4':
    case 'ipv6':
    case 'forwardAgent':
    case 'compress':
    case 'quiet':
    case 'verbose':
      return [`-${letterOf(name)}`];
    case 'batch':
      return ['-oBatchmode=yes'];
    case 'option':
    case 'cipher':
    case 'identity':
    case 'configFile':
    case 'jump':
      return [`-${letterOf(name)}`, value ?? ''];
    default:
      return [];
  }
}

function letterOf(name: string): string {
  return flagTable.rows.find((row) => row.name === name)?.letter ?? '';
}

function readPort(text: string): number {
  const port = parsePort(text);
  // The empty line is OpenSSH's.
  if (port === undefined) throw new FatalError(`bad port "${text}"\n`);
  return port;
}

/** Kbit/s, of 1,024 bits each. */
function readLimit(text: string): number {
  const kilobits = /^\s*\+?\d{1,12}$/.test(text) ? Number(text) : 0;
  if (kilobits < 1 || kilobits > most) throw usageError(flagTable);
  return (kilobits * 1024) / 8;
}
