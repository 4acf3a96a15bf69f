/** Starts a user's shell or command the way sshd does, with or without a terminal, and tells how it ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { SshError } from '@nacre/ssh/errors';
import { cleanEnvironment } from './environment.ts';
import { startUnderLimit, underLimit } from './limits.ts';
import type { Account } from './platform.ts';
import type { Pty } from './pty.ts';
import { prepareQuickStart, type QuickRequest } from './quick-start.ts';
import { buildSessionCommand, type SessionCommand, type StartUpFile } from './session-command.ts';

export interface SessionRequest {
  readonly account: Account;
  /** The command for the shell's `-c`; undefined starts the login shell. */
  readonly command?: string | undefined;
  /** A program of ours in place of the shell: it is started as who we are, and becomes the account by itself. */
  readonly program?: { readonly file: string; readonly args: readonly string[] } | undefined;
  /** Whether argv[0] gets its dash; default: yes when there is no command. */
  readonly loginShell?: boolean;
  /** The whole environment: usually baseEnvironment(account) and what the connection adds. */
  readonly environment: Readonly<Record<string, string>>;
  /** Default: the account's home. */
  readonly workingDirectory?: string;
  /** Run to its end before the shell, in the same environment and with the same output. */
  readonly startUpFile?: StartUpFile | undefined;
  /** The session's terminal; it is closed when the session ended. Without one there are three pipes. */
  readonly pty?: Pty | undefined;
}

/** How a session ended. Node does not tell whether a core was dumped, so that is always false. */
export type SessionExit = { readonly code: number } | { readonly signal: string; readonly coreDumped: boolean };

/** A session whose three descriptors are the caller's own. */
export interface BareSession {
  /** Process, process group and session id in one. */
  readonly pid: number;
  /** Settles when the process is gone; what it wrote is the caller's to read. Never rejects. */
  readonly exit: Promise<SessionExit>;
  /** Sends a signal by its RFC 4254 §6.10 name (`INT`) to the shell's process group; false for a name that is not allowed. */
  signal(name: string): boolean;
}

export interface SessionProcess {
  /** Process, process group and session id in one. */
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Undefined with a terminal, which has one stream for both. */
  readonly stderr: Readable | undefined;
  /** Settles once, after the process is gone and its output was read to the end (or its streams were destroyed). Never rejects. */
  readonly exit: Promise<SessionExit>;
  /** Sends a signal by its RFC 4254 §6.10 name (`INT`) to the shell's process group; false for a name that is not allowed. */
  signal(name: string): boolean;
  /** The connection is gone: SIGHUP for the session, its terminal or pipes closed. */
  hangUp(): void;
}

/** RFC 4254 §6.10; the names that stop or trace a process are not among them. */
const signalNames = new Set('ABRT ALRM FPE HUP ILL INT KILL PIPE QUIT SEGV TERM USR1 USR2'.split(' '));

/**
 * Starts a session in a new process group and session of its own.
 *
 * @throws SshError `request-refused` when the account is another one and we are not root, or when its shell cannot be run.
 */
export async function startSession(request: SessionRequest): Promise<SessionProcess> {
  const { pty } = request;
  const child = launch(request, pty === undefined ? ['pipe', 'pipe', 'pipe'] : Array<number>(3).fill(pty.slaveFd));
  const ended = watchExit(child, pty);
  await requireStarted(child, nameOf(request));

  const pid = child.pid as number;
  const stdin = (pty?.stream ?? child.stdin) as Writable;
  // A program that stops reading is its own business: what is still sent to it is dropped.
  if (pty === undefined) stdin.on('error', () => {});
  return {
    pid,
    stdin,
    stdout: (pty?.stream ?? child.stdout) as Readable,
    stderr: pty === undefined ? (child.stderr as Readable) : undefined,
    exit: ended,
    signal: (name) => sendSignal(child, name),
    hangUp() {
      if (isRunning(child)) sendToGroup(pid, 'SIGHUP');
      pty?.close();
      if (pty === undefined) for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
    },
  };
}

/**
 * The same with descriptors of the caller's for input, output and errors; they may be closed once this has settled.
 *
 * @throws SshError as startSession does.
 */
export async function startBareSession(
  request: Omit<SessionRequest, 'pty'>,
  descriptors: readonly [stdin: number, stdout: number, stderr: number],
): Promise<BareSession> {
  const quick = startQuickly(request, descriptors);
  if (quick !== undefined) return quick;
  const child = launch(request, descriptors);
  const exit = new Promise<SessionExit>((resolve) => {
    child.on('error', () => resolve({ code: 255 }));
    child.on('exit', (code, signal) => resolve(exitOf(code, signal)));
  });
  await requireStarted(child, nameOf(request));
  return { pid: child.pid as number, exit, signal: (name) => sendSignal(child, name) };
}

/** The usual case, without a copy of this process; undefined where it is another, or the general way has to say what is wrong. */
function startQuickly(
  request: Omit<SessionRequest, 'pty'>,
  descriptors: readonly [stdin: number, stdout: number, stderr: number],
): BareSession | undefined {
  const started =
    request.program === undefined ? prepareShell(request, descriptors) : prepareProgram(request, descriptors);
  const child = started && underLimit(started);
  if (child === undefined) return undefined;
  return {
    pid: child.pid,
    exit: child.exit.then(({ code, signal }) => exitOf(code, signal)),
    signal: (name) => signalNames.has(name) && child.isRunning() && sendToGroup(child.pid, asSignal(name)),
  };
}

type Descriptors = QuickRequest['descriptors'];

function prepareShell(request: Omit<SessionRequest, 'pty'>, descriptors: Descriptors) {
  const plan = planOf(request);
  if (plan.environmentByPipe) return undefined;
  const { file, args, argv0, cwd } = plan;
  const environment = cleanEnvironment(request.environment);
  return prepareQuickStart({ file, argv: [argv0, ...args], cwd, environment, descriptors });
}

function prepareProgram({ program, environment }: Omit<SessionRequest, 'pty'>, descriptors: Descriptors) {
  if (program === undefined) return undefined;
  const { file, args } = program;
  const argv = [file, ...args];
  return prepareQuickStart({ file, argv, cwd: '/', environment: cleanEnvironment(environment), descriptors });
}

function planOf(request: SessionRequest): SessionCommand {
  const { account, pty } = request;
  return buildSessionCommand({
    account,
    command: request.command,
    loginShell: request.loginShell ?? request.command === undefined,
    workingDirectory: request.workingDirectory ?? account.home,
    terminalPath: pty?.path,
    startUpFile: request.startUpFile,
  });
}

function launch(request: SessionRequest, standard: readonly (number | 'pipe')[]): ChildProcess {
  const { program } = request;
  if (program !== undefined) {
    const options = { cwd: '/', detached: true, env: cleanEnvironment(request.environment), stdio: [...standard] };
    return spawnOrRefuse(nameOf(request), () => startUnderLimit(() => spawn(program.file, program.args, options)));
  }
  const plan = planOf(request);
  const environment = cleanEnvironment(request.environment);
  const start = (): ChildProcess =>
    spawn(plan.file, plan.args, {
      argv0: plan.argv0,
      cwd: plan.cwd,
      detached: true,
      env: plan.environmentByPipe ? { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } : environment,
      stdio: plan.environmentByPipe ? [...standard, 'pipe'] : [...standard],
    });
  const child = spawnOrRefuse(nameOf(request), () => startUnderLimit(start));
  if (plan.environmentByPipe) sendEnvironment(child, environment, request.startUpFile?.input ?? '');
  return child;
}

function nameOf({ program, account }: SessionRequest): string {
  return program === undefined ? `the login shell ${account.shell}` : program.file;
}

async function requireStarted(child: ChildProcess, name: string): Promise<void> {
  try {
    await once(child, 'spawn');
  } catch (cause) {
    throw startError(name, cause);
  }
}

/** Some failures are thrown at once: a command with a NUL in it, or one that is longer than the system takes. */
function spawnOrRefuse(name: string, start: () => ChildProcess): ChildProcess {
  try {
    return start();
  } catch (cause) {
    throw startError(name, cause);
  }
}

function startError(name: string, cause: unknown): SshError {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new SshError(`${name} could not be run: ${reason}`, {
    code: 'request-refused',
    stage: 'channel',
    remedy: 'check the shell in the password database, and the length of the command',
    cause,
  });
}

/** By a pipe that only the new process holds: what the start-up file reads, then the pairs, NUL after each. */
function sendEnvironment(child: ChildProcess, environment: Readonly<Record<string, string>>, input: string): void {
  const pipe = child.stdio[3] as Writable | null | undefined;
  if (pipe === null || pipe === undefined) return;
  const pairs = Object.entries(environment);
  pipe.on('error', () => {});
  pipe.end([input, ...pairs.map(([name, value]) => `${name}=${value}`), ''].join('\0'), () => pipe.destroy());
}

function watchExit(child: ChildProcess, pty: Pty | undefined): Promise<SessionExit> {
  return new Promise((resolve) => {
    let result: SessionExit = { code: 255 };
    child.on('error', () => resolve(result));
    child.on('exit', (code, signal) => {
      result = exitOf(code, signal);
      if (pty === undefined) return;
      const finish = (): void => {
        pty.close();
        resolve(result);
      };
      if (pty.stream.destroyed || pty.stream.readableEnded) return finish();
      pty.stream.once('end', finish);
      pty.stream.once('close', finish);
      pty.finish();
    });
    // 'close' comes after the exit and the end of every pipe.
    if (pty === undefined) child.on('close', () => resolve(result));
  });
}

function exitOf(code: number | null, signal: NodeJS.Signals | null): SessionExit {
  return signal === null ? { code: code ?? 255 } : { signal: signal.slice('SIG'.length), coreDumped: false };
}

function sendSignal(child: ChildProcess, name: string): boolean {
  if (!signalNames.has(name)) return false;
  return isRunning(child) && sendToGroup(child.pid as number, asSignal(name));
}

function asSignal(name: string): NodeJS.Signals {
  return `SIG${name}` as NodeJS.Signals;
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function sendToGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}
