/** What ssh was asked to do: flags, destination, command and configuration files, gathered into one request. */
import { nodeConfigSystem, resolveHostNames } from '@nacre/ssh/client';
import {
  type ClientConfig,
  type ClientSettings,
  type ConfigSystem,
  clientTokens,
  expandTokens,
  isHostName,
  isUserName,
  proxyTokens,
  type ReadEvent,
  resolveClientConfig,
  type TokenValues,
} from '@nacre/ssh/config';
import { SshError } from '@nacre/ssh/errors';
import { usageError } from '../../flags/index.ts';
import { type CommandLine, type ControlCommand, type HostPort, readCommandLine } from './command-line.ts';
import { FatalError } from './end.ts';
import { flagTable } from './flag-table.ts';
import { type Log, shiftLogLevel } from './log.ts';
import { orUndefined } from './paths.ts';
import { versionLine } from './version.ts';

export interface Request {
  /** As it was typed. */
  readonly originalHost: string;
  /** The name or address to connect to. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Undefined for a shell; for a subsystem its name. */
  readonly command: string | undefined;
  readonly settings: ClientSettings;
  /** The settings with where each was said. */
  readonly config: ClientConfig;
  readonly stdioForward: HostPort | undefined;
  /** --reconnect, with its limits. */
  readonly reconnect: CommandLine['reconnect'];
  /** -O: what a running master is asked. */
  readonly controlCommand: ControlCommand | undefined;
  /** Whether the connection is another process's, or others may use ours. */
  readonly sharing?: 'through' | 'master';
  /** -G: print the settings and end. */
  readonly printConfig: boolean;
  /** --json, for what prints facts. */
  readonly json: boolean;
  /** -F, which jump hosts are read from as well. */
  readonly configFile: string | undefined;
  readonly tokens: TokenValues;
  /** Those that ProxyCommand and ProxyJump take. */
  readonly proxyTokens: TokenValues;
  readonly home: string;
  readonly log: Log;
}

/**
 * Reads the command line and the files it leads to.
 *
 * @throws SshError `misuse` whose text is the usage, FatalError for everything else that is wrong.
 */
export async function readRequest(args: readonly string[], log: Log): Promise<Request> {
  const typed = readCommandLine(args);
  log.level = typed.quiet ? 'QUIET' : typed.level > 0 ? shiftLogLevel('VERBOSE', typed.level) : 'INFO';
  // -y is stronger than -E, as in OpenSSH.
  if (typed.syslog) log.toSyslog((await import('./syslog.ts')).openSyslog());
  else if (typed.logFile !== undefined) openLogFile(log, typed.logFile);
  log.debug(1, versionLine());
  log.debug(2, `destination ${typed.destination.host}`);
  const isLevelTyped = typed.quiet || typed.level > 0;
  const entries: CommandLine['entries'] = [
    (draft) => {
      if (isLevelTyped) draft.logLevel = log.level;
    },
    ...typed.entries,
  ];
  const request = await settle(typed, entries, log);
  log.level = request.settings.logLevel;
  log.facility = request.settings.syslogFacility;
  const { logVerbose } = request.settings;
  if (logVerbose.length > 0) {
    log.verboseFormat = (await import('./log-sources.ts')).verboseFormat(logVerbose, process.pid);
  }
  return checked(request, typed.command);
}

/** RefuseConnection: the files say that nobody is to connect there. @throws FatalError with what they say */
export function requireNotRefused({ settings: { refuseConnection } }: Request): void {
  if (refuseConnection === undefined || refuseConnection.text.toLowerCase() === 'none') return;
  throw new FatalError(`RefuseConnection: ${refuseConnection.text}`);
}

/** What is asked of a host on the way. */
export interface JumpRequest extends Request {
  /** The arguments by which another ssh connects to it, for the master that it may become. */
  readonly retyped: readonly string[];
}

/**
 * The request for a host on the way (ProxyJump): its own settings, and nothing of what was typed for the end of the way but
 * the file to read.
 *
 * @param over - the jump hosts in front of it, where it is not its own settings that say.
 */
export async function readJumpRequest(
  destination: { readonly host: string; readonly user?: string; readonly port?: number },
  over: string | undefined,
  { configFile, log }: Request,
): Promise<JumpRequest> {
  const { host, user, port } = destination;
  const own: CommandLine['entries'] = [
    (draft) => {
      if (user !== undefined) draft.user = user;
      if (port !== undefined) draft.port = port;
      if (over !== undefined) draft.proxyJump = over;
      Object.assign(draft, { sessionType: 'none', requestTty: 'no', clearAllForwardings: true, logLevel: log.level });
    },
  ];
  const nothing = {
    ...{ command: undefined, stdioForward: undefined, reconnect: undefined, controlCommand: undefined },
    ...{ printConfig: false, json: false },
  };
  const options = [`LogLevel=${log.level}`, 'ClearAllForwardings=yes', 'Tunnel=no', 'PermitLocalCommand=no'];
  const retyped = [
    ...log.flags,
    ...(configFile === undefined ? [] : ['-F', configFile]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(over === undefined ? [] : ['-J', over]),
    ...options.flatMap((option) => ['-o', option]),
    ...['-N', '-T', '--', host],
  ];
  return { ...(await settle({ destination, configFile, ...nothing }, own, log)), retyped };
}

type Typed = Pick<CommandLine, 'destination' | keyof Asked>;
type Asked = Pick<
  Request,
  'configFile' | 'command' | 'stdioForward' | 'reconnect' | 'controlCommand' | 'printConfig' | 'json'
>;

async function settle(typed: Typed, entries: CommandLine['entries'], log: Log): Promise<Request> {
  const { destination, configFile, command, stdioForward, reconnect, controlCommand, printConfig, json } = typed;
  const asked: Asked = { configFile, command, stdioForward, reconnect, controlCommand, printConfig, json };
  const system = nodeConfigSystem();
  const config = await readConfig(
    {
      host: destination.host,
      commandLine: entries,
      configFile,
      command,
      onEvent: (event: ReadEvent) => tellEvent(event, log),
      canonicalize: resolveHostNames,
    },
    system,
  );
  const { settings, host, user } = config;
  const facts = {
    originalHost: destination.host,
    host,
    port: settings.port,
    user,
    hostKeyAlias: settings.hostKeyAlias,
    jumpHosts: orUndefined(settings.proxyJump) ?? '',
  };
  return {
    ...facts,
    config,
    settings,
    ...asked,
    tokens: clientTokens(facts, system),
    proxyTokens: proxyTokens(facts),
    home: system.home,
    log,
  };
}

/** What a file says wrongly ends ssh in its own words. */
async function readConfig(
  request: Parameters<typeof resolveClientConfig>[0],
  system: ConfigSystem,
): Promise<ClientConfig> {
  try {
    return await resolveClientConfig(request, system);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    if (error.stage === 'dns') throw new FatalError(`ssh: ${error.message}`);
    throw new FatalError(error.message);
  }
}

function tellEvent({ kind, text }: ReadEvent, log: Log): void {
  // Told by `nacre explain`; ssh itself stays as quiet about it as OpenSSH.
  if (kind === 'shadowed') return;
  if (kind === 'mistake') log.error(text);
  else log.debug(kind === 'ignored' || kind === 'past' ? 2 : 1, text);
}

/** What is typed and configured has to make sense together. */
function checked(request: Request, typedCommand: string | undefined): Request {
  const { settings, host, user, stdioForward } = request;
  if (!isHostName(host)) throw new FatalError('hostname contains invalid characters', { always: true });
  // The name of this machine's own user is its own affair.
  if (settings.user !== undefined && !isUserName(user)) {
    throw new FatalError('remote username contains invalid characters', { always: true });
  }
  const remoteCommand = orUndefined(settings.remoteCommand);
  if (typedCommand !== undefined && remoteCommand !== undefined && stdioForward === undefined) {
    throw new FatalError('Cannot execute command-line and remote command.');
  }
  const command =
    typedCommand ??
    (remoteCommand === undefined ? undefined : expandTokens(remoteCommand, request.tokens, 'RemoteCommand'));
  if (settings.sessionType === 'subsystem' && command === undefined) {
    throw usageError(flagTable, 'You must specify a subsystem to invoke.');
  }
  if (request.reconnect !== undefined && (settings.sessionType !== 'none' || stdioForward !== undefined)) {
    throw new FatalError('--reconnect is for forwards alone: use it with -N. A command cannot be taken up again.', {
      always: true,
    });
  }
  if (settings.forkAfterAuthentication && command === undefined && settings.sessionType !== 'none') {
    throw new FatalError('Cannot fork into background without a command to execute.', { always: true });
  }
  return { ...request, command };
}

function openLogFile(log: Log, path: string): void {
  try {
    log.toFile(path);
  } catch (error) {
    throw new FatalError(`Couldn't open logfile ${path}: ${(error as Error).message}`, { always: true });
  }
}
