/** What the tests of bin/sshd share. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeFolder, missing } from '../harness/index.ts';

export const withSsh = { skip: missing('ssh', 'nacre:sshd') };
export const asRoot = { skip: missing('ssh', 'nacre:sshd', 'root', 'useradd') };
export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A command line for a shell. */
export function quote(argv: readonly string[]): string {
  return argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
}

/** The environment in which ssh takes this password and asks nobody. */
export function askpassEnvironment(password: string): Record<string, string> {
  const file = join(makeFolder('askpass'), 'askpass');
  writeFileSync(file, `#!/bin/sh\necho '${password}'\n`, { mode: 0o700 });
  return { SSH_ASKPASS: file, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: 'none' };
}

/** Waits until something is true. */
export async function until(check: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!check()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await delay(50);
  }
}
