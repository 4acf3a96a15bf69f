/** The environment of a session: the account's, the connection's, what the client may set, and what must never be set. */
import type { Peer } from '@nacre/ssh/server';
import { matchPattern, matchPatternList, type Permissions } from '@nacre/ssh/trust';
import { type Account, baseEnvironment, parseEnvironmentFile } from '../../os/index.ts';
import type { Settings } from './config/config.ts';
import { readUserFile } from './user-files.ts';

/**
 * Variables that decide what programs load or which commands shells run: with them a forced command or a restricted shell
 * could be left, so no configuration lets a client set them.
 */
const dangerous = [
  ...['LD_*', 'DYLD_*', '_RLD*', 'LIBPATH', 'SHLIB_PATH', 'GCONV_PATH', 'GLIBC_TUNABLES', 'LOCPATH', 'NLSPATH'],
  ...['BASH_ENV', 'BASH_FUNC_*', 'ENV', 'IFS', 'SHELLOPTS', 'BASHOPTS', 'PS4', 'PROMPT_COMMAND', 'CDPATH', 'ZDOTDIR'],
  ...['PATH', 'HOME', 'SHELL', 'USER', 'LOGNAME', 'MAIL', 'SSH_*', 'KRB5*', 'MALLOC_*', 'RES_OPTIONS', 'HOSTALIASES'],
  ...['NODE_OPTIONS', 'NODE_PATH', 'PERL5LIB', 'PERL5OPT', 'PERLLIB', 'PYTHONPATH', 'PYTHONHOME', 'PYTHONSTARTUP'],
  ...['PYTHONINSPECT', 'RUBYLIB', 'RUBYOPT', 'JAVA_TOOL_OPTIONS', 'TERMINFO', 'TERMINFO_DIRS', 'TERMPATH', 'TERMCAP'],
];

/** Whether AcceptEnv lets a client set a variable. */
export function mayClientSet(name: string, settings: Settings): boolean {
  return !isDangerous(name) && settings.acceptEnv.some((pattern) => matchPattern(name, pattern));
}

function isDangerous(name: string): boolean {
  return dangerous.some((pattern) => matchPattern(name, pattern));
}

export interface EnvironmentRequest {
  readonly account: Account;
  readonly settings: Settings;
  readonly peer: Peer;
  readonly permissions: Permissions;
  /** What the client set and `mayClientSet` let pass. */
  readonly accepted: ReadonlyMap<string, string>;
  readonly terminal: { readonly term: string; readonly path: string } | undefined;
  /** What the client asked for, where something else is run. */
  readonly originalCommand: string | undefined;
  /** The interfaces of the connection's tunnels. */
  readonly tunnels: readonly string[];
  /** The file that tells how the user logged in. */
  readonly authInfo?: string | undefined;
  /** What PAM set. */
  readonly pam?: Readonly<Record<string, string>> | undefined;
}

/** Later parts win, as in OpenSSH: the client's before the user's, the user's before the administrator's. */
export function buildEnvironment(request: EnvironmentRequest): Record<string, string> {
  const { account, settings, peer, permissions, terminal, originalCommand, tunnels, authInfo } = request;
  const address = peer.address ?? 'UNKNOWN';
  const port = peer.port ?? 65535;
  const localPort = peer.localPort ?? 65535;
  return {
    ...Object.fromEntries(request.accepted),
    ...ownEnvironment(account, settings),
    ...userEnvironment(account, permissions, settings),
    ...request.pam,
    ...Object.fromEntries(settings.setEnv),
    SSH_CLIENT: `${address} ${port} ${localPort}`,
    SSH_CONNECTION: `${address} ${port} ${peer.localAddress ?? 'UNKNOWN'} ${localPort}`,
    ...(terminal && { SSH_TTY: terminal.path, ...(terminal.term !== '' && { TERM: terminal.term }) }),
    ...(tunnels.length > 0 && { SSH_TUNNEL: tunnels.join(',') }),
    ...(authInfo !== undefined && { SSH_USER_AUTH: authInfo }),
    ...(originalCommand !== undefined && { SSH_ORIGINAL_COMMAND: originalCommand }),
  };
}

/** With PAM, whether there is mail and where is its modules' business. */
function ownEnvironment(account: Account, { usePam }: Settings): Record<string, string> {
  const { MAIL, ...rest } = baseEnvironment(account);
  return usePam || MAIL === undefined ? rest : { ...rest, MAIL };
}

/** PermitUserEnvironment: `environment=` of the key's line, then ~/.ssh/environment. */
function userEnvironment(account: Account, permissions: Permissions, settings: Settings): Record<string, string> {
  const permit = settings.permitUserEnvironment;
  if (permit === false) return {};
  const mayUse = (name: string) =>
    !isDangerous(name) && (permit === true || matchPatternList(name, permit) === 'match');
  const { bytes } = readUserFile(account, `${account.home}/.ssh/environment`, settings.strictModes);
  const text = bytes?.toString('utf8') ?? '';
  const given = [...permissions.environment, ...Object.entries(parseEnvironmentFile(text))];
  return Object.fromEntries(given.filter(([name]) => mayUse(name)));
}
