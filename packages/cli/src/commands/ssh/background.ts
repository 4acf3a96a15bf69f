/** -f: to the background once login is done. Node cannot fork, so another process logs in and this one waits for it. */
import { spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { failureStatus } from './end.ts';

const readyVariable = 'NACRE_SSH_READY_FD';
const readyFd = 3;
const isChild = process.env[readyVariable] === String(readyFd);
// What it starts in turn (an askpass program, say) is nobody's background process.
delete process.env[readyVariable];

/** True in the process that was started to go to the background. */
export function isInBackground(): boolean {
  return isChild;
}

/**
 * Starts this program again with the same arguments and the same terminal, so that it can ask for passwords, and waits until it
 * is logged in or has failed.
 *
 * @returns the exit status for this process.
 */
export function startInBackground(): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env: { ...process.env, [readyVariable]: String(readyFd) },
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status ?? failureStatus));
    child.stdio[readyFd]?.once('data', () => {
      child.unref();
      resolve(0);
    });
  });
}

/** In the child, after login: lets the process that waits go. */
export function reportLogin(): void {
  if (!isChild) return;
  try {
    writeSync(readyFd, '.');
    closeSync(readyFd);
  } catch {
    // Whoever waited has gone.
  }
}
