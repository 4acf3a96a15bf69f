/** The command line that starts a session's shell: directly where that is enough, else through setpriv and a few lines of bash. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { SshError } from '@nacre/ssh/errors';
import { findGroups } from './accounts.ts';
import type { Account } from './platform.ts';

/** A script of sh's that is run before a session's shell. */
export interface StartUpFile {
  readonly path: string;
  /** By way of the account's own shell, which may refuse. */
  readonly byShell: boolean;
  /** What it can read; nobody else sees it. */
  readonly input: string;
}

export interface SessionCommandRequest {
  readonly account: Account;
  /** What `-c` gets; undefined starts the shell itself. */
  readonly command: string | undefined;
  readonly loginShell: boolean;
  readonly workingDirectory: string;
  /** Path of the terminal that becomes the controlling one. */
  readonly terminalPath: string | undefined;
  readonly startUpFile: StartUpFile | undefined;
}

/** What to hand to spawn. */
export interface SessionCommand {
  readonly file: string;
  readonly args: string[];
  readonly argv0: string;
  readonly cwd: string;
  /**
   * True when the start-up file's input and the session's environment go in by descriptor 3 and not by spawn. setpriv runs as root: an LD_PRELOAD that a
   * user may set for a session must not reach it, and on a command line every user of the machine could read it.
   */
  readonly environmentByPipe: boolean;
}

/** Builds the command; a person who is not root can only start sessions as themselves. */
export function buildSessionCommand(request: SessionCommandRequest): SessionCommand {
  const { account, command, terminalPath, startUpFile } = request;
  const name = basename(account.shell);
  const argv0 = request.loginShell ? `-${name}` : name;
  const args = command === undefined ? [] : ['-c', command];
  const switchesAccount = !hasIdentityOf(account);
  if (switchesAccount && process.getuid?.() !== 0) {
    throw new SshError(`cannot start a session as "${account.name}" without being root`, {
      code: 'request-refused',
      stage: 'channel',
      remedy: 'run the server as root, or log in as the user that runs it',
    });
  }
  const isPlain = terminalPath === undefined && startUpFile === undefined;
  if (!switchesAccount && isPlain && canEnter(request.workingDirectory)) {
    return { file: account.shell, args, argv0, cwd: request.workingDirectory, environmentByPipe: false };
  }
  const bash = findProgram('bash', ['/bin/bash', '/usr/bin/bash', '/usr/local/bin/bash']);
  const inner = [
    ...['-p', '-c', launcher, argv0],
    ...[request.workingDirectory, terminalPath ?? '', ...formatStartUp(startUpFile), account.shell],
    ...args,
  ];
  if (!switchesAccount) return { file: bash, args: inner, argv0: 'bash', cwd: '/', environmentByPipe: true };
  return { ...asAccount(account, [bash, ...inner]), argv0: 'setpriv', cwd: '/', environmentByPipe: true };
}

/** The command that runs another one as an account, with its groups: for root alone. */
export function asAccount(account: Account, argv: readonly string[]): { file: string; args: string[] } {
  const setpriv = findProgram('setpriv', ['/usr/bin/setpriv', '/bin/setpriv']);
  // The groups by number, from the account's name: two names may share a uid and differ in their groups.
  const groups = findGroups(account.name, account.gid).join(',');
  const identity = [`--reuid=${account.uid}`, `--regid=${account.gid}`, `--groups=${groups}`];
  return { file: setpriv, args: [...identity, '--', ...argv] };
}

/** The command that runs another one which no program it starts can give more rights to. */
export function withoutNewPrivileges(argv: readonly string[]): { file: string; args: string[] } {
  const setpriv = findProgram('setpriv', ['/usr/bin/setpriv', '/bin/setpriv']);
  return { file: setpriv, args: ['--no-new-privs', '--', ...argv] };
}

/** As the launcher takes it: the command for the account's shell, or else the file for sh. */
function formatStartUp(file: StartUpFile | undefined): [forShell: string, forSh: string] {
  if (file === undefined) return ['', ''];
  if (!file.byShell) return ['', file.path];
  const name = /^[\w./+@-]+$/.test(file.path) ? file.path : `'${file.path.replaceAll("'", "'\\''")}'`;
  return [`/bin/sh ${name}`, ''];
}

/**
 * Runs as the user, in a new session: working directory, controlling terminal, environment, start-up file, then the shell in its
 * place. $0 is the shell's argv[0]; $1 the directory; $2 the terminal or nothing; $3 and $4 the start-up file's command for the
 * shell or its name for sh; $5 the shell; the rest its arguments.
 *
 * `bash -p` reads no start-up file and no function from the environment. A session leader without a terminal gets the first
 * one that it opens (so no setsid -c is needed). A key typed too early must not end it (traps go back to their default at exec).
 * `export` and never `declare`, which would evaluate what stands in a subscript; cleanEnvironment sees to the names besides.
 */
const launcher = `
trap : INT QUIT TSTP
if ! cd -- "$1" 2>/dev/null; then
  reason=$(cd -- "$1" 2>&1)
  printf 'Could not chdir to home directory %s: %s\\n' "$1" "\${reason##*: }" >&2
fi
if [ -n "$2" ]; then exec 4<>"$2" 4>&-; fi
unset reason PATH PWD OLDPWD
IFS= read -r -u 3 -d '' nacre_input
while IFS= read -r -u 3 -d '' nacre_pair; do export "$nacre_pair" 2>/dev/null; done
exec 3<&-
unset nacre_pair SHLVL OLDPWD
if [ -n "$3" ]; then printf %s "$nacre_input" | "$5" -c "$3"; fi
if [ -n "$4" ]; then printf %s "$nacre_input" | /bin/sh "$4"; fi
unset nacre_input
exec -a "$0" -- "\${@:5}"
`;

/**
 * Whether a session of the account needs no change of identity. Root's own sessions may need one as well: the server may have
 * been started with groups that root's login has not, and another name may share the user id.
 */
export function hasIdentityOf(account: Account): boolean {
  if (process.getuid?.() !== account.uid) return false;
  if (account.uid !== 0) return true;
  const own = new Set([...(process.getgroups?.() ?? []), process.getgid?.()]);
  const wanted = findGroups(account.name, account.gid);
  return process.getgid?.() === account.gid && wanted.length === own.size && wanted.every((group) => own.has(group));
}

function canEnter(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

const found = new Map<string, string>();

/** Looks in fixed places: a server that runs as root does not trust its PATH. */
function findProgram(name: string, places: readonly string[]): string {
  const known = found.get(name) ?? places.find((path) => existsSync(path));
  if (known === undefined) {
    throw new SshError(`sessions need ${name}, which is in none of ${places.join(', ')}`, {
      code: 'unsupported',
      stage: 'channel',
      remedy: name === 'setpriv' ? 'install util-linux' : `install ${name}`,
    });
  }
  found.set(name, known);
  return known;
}
