/** Processor time: of a command with its children, of a server with all its descendants, of the whole machine. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { processTree, statFields } from '../test/harness/process-tree.ts';

/** The kernel counts in hundredths of a second on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Seconds a process and all its descendants have used so far, those that ended and were waited for included. */
export function treeSeconds(pid: number): number {
  let ticks = 0;
  for (const member of processTree(pid)) {
    const fields = statFields(member) ?? [];
    // Its own and its reaped children's.
    for (const at of [11, 12, 13, 14]) ticks += Number(fields[at] ?? 0);
  }
  return ticks / ticksPerSecond;
}

/** Waits until a server has as few processes as it had before: what a connection used is on its account only then. */
export async function waitForQuiet(pid: number, processesBefore: number, timeoutMs = 3000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (countTree(pid) > processesBefore && Date.now() < end) await delay(5);
}

/** How many processes a server consists of. */
export function countTree(pid: number): number {
  return processTree(pid).length;
}

/** Seconds of processor time the whole machine spent working, and could have worked. */
export function machineSeconds(): { busy: number; total: number } {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softIrq = 0, stolen = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const busy = user + nice + system + irq + softIrq + stolen;
  return { busy: busy / ticksPerSecond, total: (busy + idle + wait) / ticksPerSecond };
}

/** True where /proc tells all this. */
export function hasProc(): boolean {
  return existsSync('/proc/self/stat') && existsSync('/proc/stat');
}
