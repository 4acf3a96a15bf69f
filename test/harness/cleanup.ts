/** What tests start and make is ended and removed: when they say so, at their end, and when the process is stopped. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folders = new Set<string>();
const children = new Set<ChildProcess>();
const actions: (() => Promise<void> | void)[] = [];

/** A private folder below the system's temporary one, or another, removed at the end. */
export function makeFolder(purpose = 'test', below = tmpdir()): string {
  const folder = mkdtempSync(join(below, `nacre-${purpose}-`));
  folders.add(folder);
  return folder;
}

/** Has a child process killed at the end, should it still run. */
export function trackChild(child: ChildProcess): void {
  children.add(child);
  child.once('exit', () => children.delete(child));
}

/** Has something done at the end; the last one added goes first. */
export function atEnd(action: () => Promise<void> | void): void {
  actions.push(action);
}

/** Ends every process that is still running and removes every folder. May be called more than once. */
export async function cleanUp(): Promise<void> {
  for (let action = actions.pop(); action !== undefined; action = actions.pop()) await action();
  await Promise.all([...children].map((child) => endChild(child)));
  removeFolders();
}

/** Ends one process by its id: asks first, and kills it if it does not listen within two seconds. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
  await ended;
  clearTimeout(timer);
}

function removeFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
}

// The last resort, for a process that is told to stop or fails: nothing may wait here.
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  removeFolders();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    // By way of 'exit', which does the above.
    process.exit(130);
  });
}
