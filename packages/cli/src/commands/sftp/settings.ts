/** What the command line of sftp asks for. */
import { parseFlags, usageError } from '../../flags/index.ts';
import { splitWords } from '../../terminal/shell-words.ts';
import { parsePort, readSftpOption } from '../files/numbers.ts';
import { FatalError } from '../ssh/end.ts';
import { type Destination, parseDestination } from './destination.ts';
import { flagTable } from './flags.ts';

export interface Settings {
  /** Where to; undefined with -D. */
  readonly host: Destination | undefined;
  /** -D: a server's program and its arguments; as it was typed, for words about it. */
  readonly serverCommand: readonly [string, ...string[]] | undefined;
  readonly serverText: string | undefined;
  /** The second operand: what the file of the first is called here. */
  readonly localName: string | undefined;
  /** ssh's arguments in front of the destination. */
  readonly sshFlags: readonly string[];
  readonly program: string | undefined;
  readonly subsystem: string;
  /** -b; `-` is stdin. */
  readonly batchFile: string | undefined;
  readonly resume: boolean;
  readonly flush: boolean;
  readonly preserve: boolean;
  readonly recursive: boolean;
  /** No words about what goes well. */
  readonly isQuiet: boolean;
  /** -q: only errors. */
  readonly isMute: boolean;
  readonly showsProgress: boolean;
  /** Of one request, where -B or -X says so. */
  readonly requestBytes: number | undefined;
  readonly requests: number | undefined;
  readonly bytesPerSecond: number | undefined;
}

/** What ssh's settings must not do to a transfer of files, as OpenSSH has it. */
const fixedOptions = [
  '-oForwardX11 no',
  '-oPermitLocalCommand no',
  '-oClearAllForwardings yes',
  '-oControlMaster no',
] as const;
const maxKilobits = 100 * 1024 * 1024;

type Flag = ReturnType<typeof parse>['ordered'][number];

const parse = (args: readonly string[]) => parseFlags(flagTable, args);

/** @throws SshError with the usage, FatalError for a value that is none. */
export function readSettings(args: readonly string[]): Settings {
  const { flags, ordered, operands } = parse(args);
  const sshFlags: string[] = [...fixedOptions];
  let requestBytes: number | undefined;
  let requests: number | undefined;
  let port: string | undefined;
  let hasBatch = false;
  for (const { name, value = '' } of ordered) {
    const passed = passOn(name, value);
    if (passed !== undefined) sshFlags.push(...passed);
    else if (name === 'help') throw usageError(flagTable);
    else if (name === 'protocol1') throw new FatalError('SSH protocol v.1 is no longer supported');
    else if (name === 'port') port = requirePort(value);
    else if (name === 'bufferSize') requestBytes = requireCount(value, 'buffer size');
    else if (name === 'requests') requests = requireCount(value, 'number of requests');
    else if (name === 'limit') requireLimit(value);
    else if (name === 'tuning') {
      const limits = readSftpOption(value);
      requestBytes = limits.bufferBytes ?? requestBytes;
      requests = limits.requests ?? requests;
    } else if (name === 'batchFile') {
      if (hasBatch) throw new FatalError('Batch file already specified.');
      hasBatch = true;
      sshFlags.push('-obatchmode yes');
    }
  }
  sshFlags.push('-oForwardAgent no');
  const host = flags.serverCommand === undefined ? requireHost(operands) : undefined;
  const chosenPort = host?.port === undefined ? port : String(host.port);
  if (chosenPort !== undefined) sshFlags.push(`-oPort ${chosenPort}`);
  if (host?.user !== undefined) sshFlags.push('-l', host.user);
  return {
    host,
    serverCommand: flags.serverCommand === undefined ? undefined : requireCommand(flags.serverCommand),
    serverText: flags.serverCommand,
    localName: flags.serverCommand === undefined ? operands[1] : undefined,
    sshFlags,
    program: flags.program,
    subsystem: flags.subsystem ?? 'sftp',
    batchFile: flags.batchFile[0],
    resume: flags.resume,
    flush: flags.flush,
    preserve: flags.preserve,
    recursive: flags.recursive,
    isQuiet: (flags.quiet || hasBatch) && !flags.noisy,
    isMute: flags.quiet,
    showsProgress: !flags.quiet && !hasBatch && process.stderr.isTTY === true,
    requestBytes,
    requests,
    bytesPerSecond: flags.limit === undefined ? undefined : (Number(flags.limit) * 1024) / 8,
  };
}

/** ssh's own flags, in the order in which they were given. */
function passOn(name: Flag['name'], value: string): string[] | undefined {
  const row = flagTable.rows.find((one) => one.name === name);
  switch (name) {
    case 'ipv4':
    case 'ipv6':
    case 'forwardAgent':
    case 'compress':
    case 'quiet':
    case 'verbose':
      return [`-${row?.letter}`];
    case 'cipher':
    case 'configFile':
    case 'identity':
    case 'jump':
    case 'option':
      return [`-${row?.letter}`, value];
    default:
      return undefined;
  }
}

function requireHost(operands: readonly string[]): Destination {
  const [text] = operands;
  if (text === undefined || operands.length > 2) throw usageError(flagTable);
  const host = parseDestination(text);
  if (host === undefined) throw usageError(flagTable);
  if (host.host === '') throw usageError(flagTable, 'Missing hostname');
  return host;
}

function requireCommand(text: string): [string, ...string[]] {
  const [program, ...args] = splitWords(text).words.map((word) => word.text);
  if (program === undefined) throw new FatalError('No sftp server specified via -D');
  return [program, ...args];
}

function requirePort(value: string): string {
  if (parsePort(value) !== undefined) return value;
  throw new FatalError(`Bad port "${value}"`);
}

function requireCount(value: string, what: string): number {
  if (/^\d{1,9}$/.test(value) && Number(value) > 0) return Number(value);
  throw new FatalError(`Invalid ${what} "${value}"`);
}

function requireLimit(value: string): void {
  if (/^\d{1,10}$/.test(value) && Number(value) >= 1 && Number(value) <= maxKilobits) return;
  throw usageError(flagTable);
}
