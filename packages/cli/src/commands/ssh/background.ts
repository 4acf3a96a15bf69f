/** Processes that stay: -f, and the master of ControlPersist. Node cannot fork, so another process logs in and this one waits. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Platform } from '../../os/platform.ts';
import { failureStatus } from './end.ts';
import { type Role, readyFd, role, roleVariable } from './role.ts';

/**
 * Starts this program again with the same arguments and the same terminal, so that it can ask for passwords, and waits until it
 * is logged in or has ended.
 *
 * @param args - in place of those that this process was given: the tool, and its arguments.
 * @returns `ready`, or the exit status of what has ended.
 */
export function startProcess(
  as: Exclude<Role, 'foreground'>,
  args: readonly string[] = process.argv.slice(2),
): Promise<number | 'ready'> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1, 2), ...args], {
    env: { ...process.env, [roleVariable]: as },
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  });
  // Who ends us while we wait means the login as well. From the terminal it gets these itself.
  const signals = ['SIGTERM', 'SIGHUP'] as const;
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of signals) process.on(signal, passOn);
  return new Promise<number | 'ready'>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status ?? failureStatus));
    const report = child.stdio[readyFd];
    report?.on('error', () => {});
    report?.once('data', () => {
      child.unref();
      report.destroy();
      resolve('ready');
    });
  }).finally(() => {
    for (const signal of signals) process.off(signal, passOn);
  });
}

/** In the process that was started: leaves the terminal, and lets the process that waits go. */
export async function reportReady(leave: { readonly streams: readonly number[] }): Promise<void> {
  if (role === 'foreground') return;
  await leaveTerminal(leave.streams);
  try {
    writeSync(readyFd, '.');
    closeSync(readyFd);
  } catch {
    // Whoever waited has gone.
  }
}

/**
 * What daemon(3) does: a session of its own, so that neither Ctrl-C nor a closed terminal ends it, and nothing behind the
 * standard streams that are named, so that whoever reads them comes to an end.
 */
async function leaveTerminal(streams: readonly number[]): Promise<void> {
  const { tryPlatform } = await import('../../os/native.ts');
  const system = tryPlatform();
  if (!startSession(system)) {
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTSTP'] as const) {
      process.removeAllListeners(signal);
      process.on(signal, () => {});
    }
  }
  // Node opens a terminal once more for its own use of it, and a prompt has done so as well.
  const others = streams.includes(1) ? openTerminals() : [];
  for (const fd of [...streams, ...others]) silence(fd, system);
  // Node sets the modes of every terminal that it finds open back to those it began with: by then somebody else's.
  process.once('exit', () => [0, 1, 2].forEach(closeQuietly));
}

/** False where it stays in the group of its terminal: then what that sends must not end it. */
function startSession(system: Platform | undefined): boolean {
  try {
    system?.startSession();
    return system !== undefined;
  } catch {
    return false;
  }
}

function openTerminals(): number[] {
  try {
    const fds = readdirSync('/dev/fd').map(Number);
    return fds.filter((fd) => fd > 2 && isatty(fd));
  } catch {
    return [];
  }
}

/** Without native code there is no dup2: a standard stream that is closed is the lowest number, which the next file gets. */
function silence(fd: number, system: Platform | undefined): void {
  if (system === undefined) {
    if (fd > 2) return;
    closeQuietly(fd);
    openSync('/dev/null', 'r+');
    return;
  }
  const empty = openSync('/dev/null', 'r+');
  if (empty === fd) return;
  system.duplicate(empty, fd);
  closeSync(empty);
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It was closed before.
  }
}
