/** This program again, as a process of its own with a word that tells what it is for. */
import { realpathSync } from 'node:fs';

/** Nothing of the server's environment, since what steers it is not for its helpers, but for the fast paths that nobody is to take. */
export const bareEnvironment: Readonly<Record<string, string>> = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  ...forcedOff(process.env),
};

/** libuv's rings would go on with root's rights when the process has given them up (CVE-2024-22017). */
export const withoutRings = { UV_USE_IO_URING: '0' } as const;

/** The file that Node was started with, where it really lies. */
export function mainFile(): string {
  return realpathSync(process.argv[1] ?? '');
}

/** The switches of fast paths that are off (docs/guide/performance.md): half of a server on the fast path would test nothing. */
export function forcedOff(environment: NodeJS.ProcessEnv): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(environment)) {
    if (name.startsWith('NACRE_') && (value === 'off' || value === 'fallback')) found[name] = value;
  }
  return found;
}

export function ownProgram(word: string, nodeFlags: readonly string[] = []): [file: string, ...args: string[]] {
  return [process.execPath, ...memoryLimits(), ...nodeFlags, mainFile(), 'sshd', word];
}

/** The bounds of memory that the server was started with hold for its helpers as well. */
function memoryLimits(): string[] {
  const given = [...(process.env.NODE_OPTIONS ?? '').split(/\s+/), ...process.execArgv];
  return given.filter((flag) => /^--max-(?:old|semi)-space-size=\d+$/.test(flag));
}
