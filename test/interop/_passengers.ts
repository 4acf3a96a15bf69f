/** A master of bin/ssh's that takes descriptors, and what it has open. */
import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { runSsh } from '../harness/index.ts';
import { pidOf, sharedServer, startMaster, until } from './_shared.ts';

export interface Pair {
  readonly path: string;
  readonly pid: number;
  /** What the master has open that it had not at the beginning. */
  leaks(): string[];
}

/** A master of ours that has had a client already, so that what is loaded once is loaded. */
export async function startPair(t: TestContext, flags: readonly string[] = []): Promise<Pair> {
  const { path } = await startMaster(t, 'ours', ['-N', ...flags]);
  const first = await runSsh(await sharedServer(), ['echo first'], { flags: ['-S', path], input: '' });
  assert.deepEqual([first.stdout.toString(), first.stderr], ['first\n', '']);
  const pid = await pidOf(path);
  const before = openFiles(pid);
  const leaks = () => {
    const known = [...before];
    return openFiles(pid).filter((file) => {
      const at = known.indexOf(file);
      if (at >= 0) known.splice(at, 1);
      return at < 0;
    });
  };
  return { path, pid, leaks };
}

export async function assertNoLeaks(leaks: () => string[]): Promise<void> {
  await until('nothing is left open', () => leaks().length === 0).catch(() => assert.deepEqual(leaks(), []));
}

function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      // Closed since.
      return [];
    }
  });
}
