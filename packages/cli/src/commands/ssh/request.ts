/** What ssh was asked to do: flags, destination, command and configuration files, gathered into one request. */
import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { parseFlags, usageError } from '../../flags/index.ts';
import { parseEscapeCharacter } from '../../terminal/escapes.ts';
import { applyOption, type ConfigContext, readConfigFile } from './config-file.ts';
import { type Destination, isHostName, isUserName, parseDestination } from './destination.ts';
import { FatalError } from './end.ts';
import { type FlagName, flagTable, laterFlags } from './flag-table.ts';
import type { Draft } from './keywords/settings.ts';
import { type Log, shiftLogLevel } from './log.ts';
import { expandTokens, type TokenValues, tokenValues } from './tokens.ts';
import { versionLine } from './version.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface Request {
  /** As it was typed. */
  readonly originalHost: string;
  /** The name or address to connect to. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Undefined for a shell; for a subsystem its name. */
  readonly command: string | undefined;
  readonly settings: Draft;
  readonly stdioForward: HostPort | undefined;
  /** -f: go to the background once logged in. */
  readonly background: boolean;
  readonly tokens: TokenValues;
  readonly home: string;
  readonly log: Log;
}

interface TypedFlag {
  readonly name: FlagName;
  readonly value: string | undefined;
}

/**
 * Reads the command line and the files it leads to.
 *
 * @throws SshError `misuse` whose text is the usage, FatalError for everything else that is wrong.
 */
export function readRequest(args: readonly string[], log: Log): Request {
  const draft: Draft = {};
  const state: FlagState = {
    draft,
    deferred: [],
    level: 0,
    quiet: false,
    configFile: undefined,
    stdioForward: undefined,
    background: false,
  };
  const { destination, command } = readArguments(args, state);
  log.level = state.quiet ? 'QUIET' : state.level > 0 ? shiftLogLevel('VERBOSE', state.level) : 'INFO';
  if (state.logFile !== undefined) openLogFile(log, state.logFile);
  log.debug(1, versionLine());

  const account = userInfo();
  const home = account.homedir;
  const context: ConfigContext = { originalHost: destination.host, localUser: account.username, home, log };
  if (state.quiet || state.level > 0) draft.logLevel = log.level;
  for (const apply of state.deferred) apply(context);
  readFiles(draft, context, state.configFile);
  log.level = draft.logLevel ?? log.level;

  const user = draft.user ?? account.username;
  const port = draft.port ?? 22;
  const host = resolveHostName(draft.hostName, destination.host);
  const names = { originalHost: destination.host, host, port, user, localUser: account.username, home };
  const tokens = tokenValues({ ...names, hostKeyAlias: draft.hostKeyAlias ?? host });
  const remoteCommand = remoteCommandOf(draft, tokens);
  if (command !== undefined && remoteCommand !== undefined)
    throw new FatalError('Cannot execute command-line and remote command.');
  const chosen = command ?? remoteCommand;
  if (draft.sessionType === 'subsystem' && chosen === undefined) {
    throw usageError(flagTable, 'You must specify a subsystem to invoke.');
  }
  if (state.background && chosen === undefined && draft.sessionType !== 'none') {
    throw new FatalError('Cannot fork into background without a command to execute.', { always: true });
  }
  return {
    originalHost: destination.host,
    host,
    port,
    user,
    command: chosen,
    settings: draft,
    stdioForward: state.stdioForward,
    background: state.background,
    tokens,
    home,
    log,
  };
}

interface FlagState {
  readonly draft: Draft;
  /** What needs to know the destination: `-o`, which may be about it. */
  readonly deferred: ((context: ConfigContext) => void)[];
  level: number;
  quiet: boolean;
  configFile: string | undefined;
  background: boolean;
  logFile?: string;
  stdioForward: HostPort | undefined;
}

/** Flags, the destination, flags again, and the command: as OpenSSH reads its arguments. */
function readArguments(
  args: readonly string[],
  state: FlagState,
): { destination: Destination; command: string | undefined } {
  const before = parseFlags(flagTable, args);
  for (const flag of before.ordered) takeFlag(flag, state);
  const [typed, ...rest] = before.operands;
  const destination = typed === undefined ? undefined : parseDestination(typed);
  if (typed === undefined) throw usageError(flagTable);
  if (destination === undefined) {
    throw new FatalError(
      typed.startsWith('ssh://') ? `Bad destination: ${typed}` : 'hostname contains invalid characters',
      { always: true },
    );
  }
  state.deferred.push(({ log }) => {
    state.draft.user ??= destination.user;
    state.draft.port ??= destination.port;
    log.debug(2, `destination ${destination.host}`);
  });
  if (before.terminated) return { destination, command: joinCommand(rest) };
  const after = parseFlags(flagTable, rest);
  for (const flag of after.ordered) takeFlag(flag, state);
  return { destination, command: joinCommand(after.operands) };
}

function joinCommand(operands: readonly string[]): string | undefined {
  return operands.length === 0 ? undefined : operands.join(' ');
}

/** What decides where the rest is read from and told is done at once; settings wait their turn, so that the first one wins. */
function takeFlag(flag: TypedFlag, state: FlagState): void {
  const { name, value = '' } = flag;
  if (laterFlags.has(name)) {
    const letter = flagTable.rows.find((row) => row.name === name)?.letter;
    throw new FatalError(`ssh: -${letter} is not supported yet`, { always: true });
  }
  switch (name) {
    case 'quiet':
      state.quiet = true;
      return;
    case 'verbose':
      state.level++;
      return;
    case 'logFile':
      state.logFile = value;
      return;
    case 'configFile':
      state.configFile = value;
      return;
    case 'background':
      state.background = true;
      break;
    case 'protocol1':
      throw new FatalError('SSH protocol v.1 is no longer supported', { always: true });
    case 'stdioForward':
      state.stdioForward = readStdioForward(value);
      break;
    default:
  }
  state.deferred.push((context) => applyFlag(flag, state.draft, context));
}

function applyFlag({ name, value = '' }: TypedFlag, draft: Draft, context: ConfigContext): void {
  switch (name) {
    case 'ipv4':
      draft.addressFamily = 'inet';
      return;
    case 'ipv6':
      draft.addressFamily = 'inet6';
      return;
    case 'compress':
      draft.compression ??= true;
      return;
    case 'noCommand':
      draft.sessionType = 'none';
      draft.requestTty = 'no';
      return;
    case 'subsystem':
      draft.sessionType = 'subsystem';
      return;
    case 'background':
    case 'stdinNull':
      draft.stdinNull = true;
      return;
    case 'noTty':
      draft.requestTty = 'no';
      return;
    case 'tty':
      draft.requestTty = draft.requestTty === 'yes' ? 'force' : 'yes';
      return;
    case 'bindAddress':
      draft.bindAddress = value;
      return;
    case 'ciphers':
      draft.ciphers = { text: value, keyword: 'ciphers', place: commandLine };
      return;
    case 'macs':
      draft.macs = { text: value, keyword: 'macs', place: commandLine };
      return;
    case 'escapeChar':
      draft.escapeChar = readEscapeCharacter(value);
      return;
    case 'identity':
      addIdentity(value, draft);
      return;
    case 'user':
      draft.user ??= value;
      return;
    case 'option':
      applyOption(value, draft, context);
      return;
    case 'port':
      draft.port ??= readPort(value);
      return;
    case 'stdioForward':
      draft.sessionType = 'none';
      draft.requestTty = 'no';
      return;
    default:
      // -2, -x, -a, -k: what they ask for is how it is. -V and -Q were answered before.
      return;
  }
}

const commandLine = { file: 'command-line', line: 0 };

function readPort(value: string): number {
  const port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
  if (port < 1 || port > 65535) throw new FatalError(`Bad port '${value}'`, { always: true });
  return port;
}

function readEscapeCharacter(value: string): number | 'none' {
  const character = parseEscapeCharacter(value);
  if (character === 'invalid') throw new FatalError(`Bad escape character '${value}'.`, { always: true });
  return character;
}

function readStdioForward(value: string): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || !(port >= 1 && port <= 65535)) {
    throw new FatalError(`Bad stdio forwarding specification '${value}'`, { always: true });
  }
  return { host, port };
}

/** A named file that is not there is told of and left out, as OpenSSH does: others may still do. */
function addIdentity(path: string, draft: Draft): void {
  const expanded = path.replace(/^~(?=\/|$)/, userInfo().homedir);
  try {
    statSync(expanded);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    const reason = { ENOENT: 'No such file or directory', EACCES: 'Permission denied', ENOTDIR: 'Not a directory' }[
      code
    ];
    process.stderr.write(`Warning: Identity file ${path} not accessible: ${reason ?? code}.\n`);
    return;
  }
  const before = draft.identityFiles ?? [];
  if (!before.includes(path)) draft.identityFiles = [...before, path];
}

function openLogFile(log: Log, path: string): void {
  try {
    log.toFile(path);
  } catch (error) {
    throw new FatalError(`Couldn't open logfile ${path}: ${(error as Error).message}`, { always: true });
  }
}

function readFiles(draft: Draft, context: ConfigContext, given: string | undefined): void {
  if (given?.toLowerCase() === 'none') return;
  if (given !== undefined) {
    if (!readConfigFile(given, draft, context, { isUsers: true, isNamed: true })) {
      throw new FatalError(`Can't open user config file ${given}: No such file or directory`, { always: true });
    }
    return;
  }
  readConfigFile(join(context.home, '.ssh', 'config'), draft, context, { isUsers: true, checkOwner: true });
  readConfigFile('/etc/ssh/ssh_config', draft, context, { isUsers: false });
}

function resolveHostName(hostName: string | undefined, typed: string): string {
  const host = (hostName === undefined ? typed : expandTokens(hostName, { h: () => typed }, 'HostName')).toLowerCase();
  if (!isHostName(host)) throw new FatalError('hostname contains invalid characters', { always: true });
  return host;
}

function remoteCommandOf(draft: Draft, tokens: TokenValues): string | undefined {
  const { remoteCommand, user } = draft;
  if (user !== undefined && !isUserName(user)) {
    throw new FatalError('remote username contains invalid characters', { always: true });
  }
  if (remoteCommand === undefined || remoteCommand.toLowerCase() === 'none') return undefined;
  return expandTokens(remoteCommand, tokens, 'RemoteCommand');
}
