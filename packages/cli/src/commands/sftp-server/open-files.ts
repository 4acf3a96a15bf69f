/** How many files this process may hold open. */
import { readFileSync } from 'node:fs';
import { findSessionLimit } from '../../os/limits.ts';

/** More than any client needs; the system may allow millions. */
const mostHandles = 4096;
/** What is open besides: stdin, stdout, stderr, and what Node uses. */
const ownDescriptors = 32;
const fewestHandles = 16;

export function openFilesLimit(): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    if (soft !== undefined) return handlesWithin(Number(soft));
  } catch {
    // Not Linux.
  }
  return defaultHandles;
}

/** The same for a session in a process that serves several, whose own limit is a higher one. */
export function sessionFilesLimit(): number {
  const soft = findSessionLimit();
  return soft === undefined ? openFilesLimit() : handlesWithin(Number(soft));
}

function handlesWithin(limit: number): number {
  return Math.max(fewestHandles, Math.min(mostHandles, limit - ownDescriptors));
}

/** macOS allows 256 files where nobody raised it; Node raises it itself. */
const defaultHandles = 1024;
