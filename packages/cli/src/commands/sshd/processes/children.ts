/** Starts the server's own processes, and hears how they end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { withoutNewPrivileges } from '../../../os/index.ts';
import { findSessionLimit, openFilesVariable } from '../../../os/limits.ts';
import type { Log } from '../log.ts';
import { bareEnvironment, mainFile, ownProgram, withoutRings } from '../own-program.ts';
import { gidVariable, ownStatusFile, uidVariable, workerAccount } from './confinement.ts';
import { hostWord, workerWord } from './tables.ts';

/** A process of the server's, with a channel to it. */
export interface Child {
  readonly process: ChildProcess;
  /** How it ended: `status 1`, `signal SIGSEGV`. Never rejects. */
  readonly ended: Promise<string>;
}

const environment = { ...bareEnvironment, ...withoutRings };

/** A process that may read this program and nothing else, once it has made itself somebody who has no rights. */
export function startWorker(log: Log): Child {
  const { uid, gid } = workerAccount();
  const permission = process.allowedNodeEnvironmentFlags.has('--permission')
    ? '--permission'
    : '--experimental-permission';
  const readable = [...foldersOfProgram(), ownStatusFile].map((path) => `--allow-fs-read=${path}`);
  // The packages' native parts, where there are any: they are loaded before the first client comes.
  const addons = process.allowedNodeEnvironmentFlags.has('--allow-addons') ? ['--allow-addons'] : [];
  const flags = ['--no-warnings', permission, ...readable, ...addons];
  const { file, args } = withoutNewPrivileges(ownProgram(workerWord, flags));
  return watch(
    spawn(file, args, {
      cwd: '/',
      env: { ...environment, [uidVariable]: String(uid), [gidVariable]: String(gid) },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // What a terminal sends the server is not for it.
      detached: true,
    }),
    'network worker',
    log,
  );
}

/** A process that is still root's: it will be one user's. */
export function startHost(log: Log): Child {
  const [file, ...args] = ownProgram(hostWord, ['--no-warnings']);
  return watch(
    spawn(file, args, {
      cwd: '/',
      env: { ...environment, ...sessionEnvironment() },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      detached: true,
    }),
    'session host',
    log,
  );
}

/** What sessions take from the server: how many files they may open and the time zone of what is shown to them. */
function sessionEnvironment(): Record<string, string> {
  const limit = findSessionLimit();
  const { TZ } = process.env;
  return {
    ...(limit !== undefined && { [openFilesVariable]: String(limit) }),
    ...(TZ !== undefined && { TZ }),
  };
}

/** The folder of the program, and those in which Node looks for its packages. */
function foldersOfProgram(): string[] {
  const parts = dirname(mainFile()).split(sep);
  const above = parts.map((_, count) => parts.slice(0, parts.length - count).join(sep) || sep);
  // The two above: the program's package, and the manifests that Node reads on the way to it.
  return [
    ...above.slice(0, 2).map((folder) => join(folder, '*')),
    ...above.map((folder) => join(folder, 'node_modules', '*')),
    ...above.map((folder) => join(folder, 'package.json')),
    ...linkedLibrary(above).flatMap((folder) => [join(folder, '*'), join(folder, 'package.json')]),
  ];
}

/** The library, where it is a link to somewhere else: in a checkout, whose modules run one by one if there is no bundle. */
function linkedLibrary(above: readonly string[]): string[] {
  const names = above.map((folder) => join(folder, 'node_modules', '@nacre', 'ssh'));
  return names.filter((name) => existsSync(name)).map((name) => realpathSync(name));
}

/** Lines that one process may add to the log: what it prints at its end is of use, a flood is not. */
const maxLines = 40;

function watch(child: ChildProcess, name: string, log: Log): Child {
  let lines = 0;
  let rest = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    const all = `${rest}${text}`.split('\n');
    rest = (all.pop() ?? '').slice(0, 1000);
    for (const line of all) if (line !== '' && lines++ < maxLines) log('ERROR', `${name} ${child.pid}: ${line}`);
  });
  child.stderr?.on('error', () => {});
  // A message that was on its way when the process ended.
  child.on('error', (error) => log('DEBUG1', `${name} ${child.pid}: ${error.message}`));
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => child.pid === undefined && resolve(error.message));
    child.once('exit', (status, signal) => resolve(signal === null ? `status ${status}` : `signal ${signal}`));
  });
  return { process: child, ended };
}
