/** `sshd`: OpenSSH's server in flags, files and log lines, served by @nacre/ssh/server. */
import {
  type ConnectionFacts,
  dumpServerConfig,
  parseConnectionSpec,
  resolveServerConfig,
} from '@nacre/ssh/config/server';
import { SshError } from '@nacre/ssh/errors';
import { type ParsedArguments, parseFlags, usageError } from '../../flags/index.ts';
import { daemonize, findAccount, isDaemon, reportFailure, reportReady } from '../../os/index.ts';
import { isRoutingDomain } from '../../os/routing-domain.ts';
import { groupNames } from './admission.ts';
import { chooseConfigFile } from './config/choose-file.ts';
import { type Config, readConfig, type Settings } from './config/config.ts';
import { requiredMethods } from './credentials.ts';
import { fatalExit, runDaemon } from './daemon.ts';
import { flagTable } from './flags.ts';
import { defaultHostKeys, loadHostKeys } from './host-keys.ts';
import { runInetd } from './inetd.ts';
import { requireProgramUsers } from './key-programs.ts';
import { type Log, type LogTarget, openLog } from './log.ts';
import { helperWord } from './own-sockets.ts';
import { openPamPool } from './pam-pool.ts';
import { pamWord } from './pam-words.ts';
import { hostWord, workerWord } from './processes/tables.ts';
import type { ServerParts } from './server.ts';
import { openNotify, takeSockets } from './supervisor.ts';
import { findSubcommand } from './tools/table.ts';
import { versionLine } from './version.ts';

type Flags = ParsedArguments<typeof flagTable.rows>['flags'];

/** Where the background process finds the folder that relative paths of the command line count from. */
const folderVariable = 'NACRE_SSHD_FOLDER';

export async function run(args: readonly string[]): Promise<number> {
  if (args[0] === workerWord) return (await import('./processes/network-worker.ts')).runNetworkWorker();
  if (args[0] === hostWord) return (await import('./processes/session-host.ts')).runSessionHost();
  if (args[0] === helperWord) return (await import('./user-helper-process.ts')).runUserHelper();
  if (args[0] === pamWord) return (await import('./pam-process.ts')).runPamProcess();
  const subcommand = findSubcommand(args[0]);
  if (subcommand !== undefined) return (await subcommand.load()).run(args.slice(1));
  if (isDaemon() && process.env[folderVariable] !== undefined) process.chdir(process.env[folderVariable]);
  let flags: Flags;
  try {
    flags = readFlags(args);
  } catch (error) {
    // OpenSSH's sshd gives 1 for a wrong flag, and 255 for whatever goes wrong later.
    if (!(error instanceof SshError) || error.stage !== 'usage') throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
  if (flags.version) {
    process.stderr.write(`${versionLine()}\n`);
    return 0;
  }
  try {
    return await serve(flags);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    const message = error.stage === 'config' && error.code === 'bad-file' ? error.message : `sshd: ${error.message}`;
    if (isDaemon()) reportFailure(message);
    else process.stderr.write(`${message}\n`);
    return error.message.startsWith('no hostkeys') ? 1 : fatalExit;
  }
}

async function serve(flags: Flags): Promise<number> {
  const config = configure(flags);
  if (flags.show) {
    process.stdout.write(show(flags, config));
    return 0;
  }
  const isTest = flags.test || flags.extendedTest;
  const isServer = !isTest && !flags.inetd;
  const sockets = isServer ? takeSockets(process.env) : [];
  // Whoever opened the sockets watches this very process.
  const goesToBackground = isServer && sockets.length === 0 && !flags.foreground && flags.debug === 0 && !isDaemon();
  const log = openLog(
    isTest || goesToBackground ? { kind: 'stderr' } : chooseTarget(flags, config.settings),
    chooseLevel(flags, config.settings),
  );
  for (const warning of config.warnings) log('INFO', warning);
  // Only root may ask about others; no process is started before UsePAM wants one.
  const pam = process.getuid?.() === 0 && !isTest ? openPamPool() : undefined;
  const parts = { ...(await loadParts(flags, config, log)), pam };
  if (isTest) {
    if (flags.extendedTest) process.stdout.write(show(flags, config));
    return 0;
  }
  if (goesToBackground) {
    // Checked here, where a person sees what is wrong, and read again there.
    await daemonize(process.argv.slice(1), { env: { ...process.env, [folderVariable]: process.cwd() } });
    return 0;
  }
  try {
    return await (flags.inetd ? runInetd(parts) : runServer(flags, config, parts, sockets));
  } finally {
    pam?.close();
  }
}

function runServer(flags: Flags, config: Config, parts: ServerParts, sockets: readonly number[]): Promise<number> {
  const { log, pam } = parts;
  return runDaemon({
    ...{ log, sockets, notify: openNotify(process.env, log) },
    once: flags.debug > 0,
    load: firstThen(parts, async () => {
      const again = configure(flags);
      for (const warning of again.warnings) log('INFO', warning);
      return { ...(await loadParts(flags, again, log)), pam };
    }),
    onListening: () => {
      if (config.settings.usePam) pam?.warmUp();
      // Nothing may hold a folder busy for the life of the server.
      if (isDaemon()) process.chdir('/');
      reportReady();
    },
  });
}

function readFlags(args: readonly string[]): Flags {
  const { flags, operands } = parseFlags(flagTable, args);
  if (operands.length > 0) throw usageError(flagTable, `Extra argument ${operands[0]}.`);
  readFacts(flags);
  if (flags.connectionSpec.length > 0 && !flags.extendedTest && !flags.show) {
    throw usageError(flagTable, 'Config test connection parameter (-C) provided without test mode (-T)');
  }
  if (flags.reexec) throw usageError(flagTable, "-R belongs to OpenSSH's own processes.");
  flags.ports.forEach(readPort);
  return flags;
}

function readPort(word: string): number {
  const port = /^\d{1,5}$/.test(word) ? Number(word) : 0;
  if (port < 1 || port > 65_535) throw usageError(flagTable, 'Bad port number.');
  return port;
}

/** What -C says of a connection; the groups are those of its user. */
function readFacts({ connectionSpec }: Flags): ConnectionFacts {
  const facts = connectionSpec.reduce((before: ConnectionFacts, text) => parseConnectionSpec(text, before), {});
  const { user } = facts;
  const groups = (): readonly string[] => {
    const account = user === undefined ? undefined : findAccount(user);
    return account === undefined ? [] : groupNames(account);
  };
  return { ...facts, groups };
}

/** As -T and -G print it. */
function show(flags: Flags, config: Config): string {
  const { settings } = resolveServerConfig(config, readFacts(flags));
  return `${dumpServerConfig(settings, { defaultHostKeys }).join('\n')}\n`;
}

function configure(flags: Flags): Config {
  const config = readConfig(
    [
      ...(flags.ipv4 ? ['AddressFamily=inet'] : flags.ipv6 ? ['AddressFamily=inet6'] : []),
      ...(flags.graceTime === undefined ? [] : [`LoginGraceTime=${flags.graceTime}`]),
      ...flags.options,
      ...flags.hostKeys.map((path) => `HostKey="${path}"`),
      ...flags.certificates.map((path) => `HostCertificate="${path}"`),
    ],
    chooseConfigFile(flags.config),
    flags.ports.map(readPort),
  );
  requireProgramUsers(config.settings);
  requireRoutingDomains(config.settings);
  if (requiredMethods(config.settings)?.length !== 0) return config;
  throw new SshError('AuthenticationMethods cannot be satisfied by enabled authentication methods', {
    code: 'bad-file',
    stage: 'config',
  });
}

function requireRoutingDomains({ listenAddress }: Settings): void {
  const bad = listenAddress.find(({ rdomain }) => rdomain !== undefined && !isRoutingDomain(rdomain));
  if (bad === undefined) return;
  throw new SshError(`bad routing domain: ListenAddress names ${bad.rdomain}, which is no network device here`, {
    code: 'bad-file',
    stage: 'config',
  });
}

async function loadParts(flags: Flags, config: Config, log: Log): Promise<ServerParts> {
  const { settings } = config;
  const complain = (text: string) => log('ERROR', text);
  const hostKeys = await loadHostKeys(settings.hostKey, settings.hostCertificate, complain, settings.hostKeyAgent);
  log.level = chooseLevel(flags, settings);
  log.format = settings.logFormat;
  return { config, hostKeys, log, isLogLevelFixed: flags.debug > 0 || flags.quiet };
}

function chooseTarget(flags: Flags, settings: Settings): LogTarget {
  if (flags.logFile !== undefined) return { kind: 'file', path: flags.logFile };
  if (flags.logToStderr || flags.debug > 0) return { kind: 'stderr' };
  return process.getuid?.() === 0
    ? { kind: 'syslog', facility: settings.syslogFacility.toLowerCase() }
    : { kind: 'stderr' };
}

function chooseLevel(flags: Flags, settings: Settings): Log['level'] {
  if (flags.debug > 0) return `DEBUG${Math.min(flags.debug, 3)}` as Log['level'];
  return flags.quiet ? 'QUIET' : settings.logLevel;
}

/** The value first, and at every later call what the function gives. */
function firstThen<T>(first: T, next: () => Promise<T>): () => Promise<T> {
  let given = false;
  return () => {
    if (given) return next();
    given = true;
    return Promise.resolve(first);
  };
}
