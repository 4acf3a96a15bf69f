/** What a server does to its own process: drop privileges, go to the background, keep a PID file. */
import { type SpawnOptions, spawn } from 'node:child_process';
import { closeSync, readFileSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import type { Account } from './platform.ts';

/**
 * Becomes another account for good: supplementary groups, group, user, in that order; then proves that there is no way back.
 *
 * @throws SshError `misuse` when this process may not, or when it still could become root again.
 */
export function dropPrivileges(account: Account): void {
  const own: OwnProcess = process;
  try {
    own.initgroups?.(account.name, account.gid);
  } catch (cause) {
    throw privilegeError(`could not become "${account.name}"`, cause);
  }
  dropIds(account);
}

/** The same where the supplementary groups are set already. */
export function dropIds(account: Account): void {
  const own: OwnProcess = process;
  if (!own.initgroups || !own.setgid || !own.setuid) throw privilegeError('this system has no user ids');
  try {
    own.setgid(account.gid);
    own.setuid(account.uid);
  } catch (cause) {
    throw privilegeError(`could not become "${account.name}"`, cause);
  }
  const changed = process.getuid?.() === account.uid && process.geteuid?.() === account.uid;
  const groupChanged = process.getgid?.() === account.gid && process.getegid?.() === account.gid;
  if (!changed || !groupChanged) throw privilegeError(`the system did not make us "${account.name}"`);
  if (account.uid !== 0 && canBecomeRoot()) throw privilegeError('root could still be regained');
}

/** Sets the file mode mask and returns the one before. */
export function setUmask(mask: number): number {
  return process.umask(mask);
}

/** Where a background process reports to the one that started it. */
const reportFdVariable = 'NACRE_REPORT_FD';
const reportFd = 3;

/**
 * Starts this program again in the background, in a session of its own with no terminal, and waits until it says that it
 * is ready or has failed: so the person sees errors, and the next command finds the port open.
 *
 * @param args - the whole argument list after Node's own: the script, then its arguments.
 * @throws SshError with what the background process reported.
 */
export async function daemonize(args: readonly string[], options: Pick<SpawnOptions, 'env'> = {}): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    cwd: '/',
    detached: true,
    env: { ...(options.env ?? process.env), [reportFdVariable]: String(reportFd) },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const report = child.stdio[reportFd] as NodeJS.ReadableStream;
  let text = '';
  report.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    report.once('close', resolve);
    report.once('end', resolve);
  });
  if (!text.startsWith('ready') || child.pid === undefined) {
    throw new SshError(text.trim() || 'the background process ended before it was ready', {
      code: 'closed',
      stage: 'tcp',
      remedy: 'run it in the foreground to see what it says',
    });
  }
  child.unref();
  return child.pid;
}

/** True in a process that daemonize started. */
export function isDaemon(): boolean {
  return process.env[reportFdVariable] === String(reportFd);
}

/** In the background process: lets the foreground one return. Does nothing elsewhere, and nothing a second time. */
export function reportReady(): void {
  report('ready\n');
}

/** In the background process: hands the error to the foreground one, which prints it. */
export function reportFailure(message: string): void {
  report(message);
}

function report(text: string): void {
  if (!isDaemon()) return;
  delete process.env[reportFdVariable];
  try {
    writeSync(reportFd, text);
    closeSync(reportFd);
  } catch {
    // Whoever waited has gone.
  }
}

/** Writes the own process id; returns a function that removes the file again, unless another process took it over. */
export function writePidFile(path: string): () => void {
  const text = `${process.pid}\n`;
  writeFileSync(path, text, { mode: 0o644 });
  return () => {
    try {
      if (readFileSync(path, 'utf8') === text) unlinkSync(path);
    } catch {
      // Gone already, or not ours to remove after dropping privileges.
    }
  };
}

/** @types/node has no initgroups. */
type OwnProcess = NodeJS.Process & { initgroups?(user: string, extraGroup: number): void };

/** Whether this process, which gave up root, could be root again. Tries it. */
export function canBecomeRoot(): boolean {
  try {
    process.setuid?.(0);
    return true;
  } catch {
    return process.getuid?.() === 0 || process.geteuid?.() === 0;
  }
}

function privilegeError(message: string, cause?: unknown): SshError {
  return new SshError(message, { code: 'misuse', stage: 'auth', remedy: 'start the server as root', cause });
}
