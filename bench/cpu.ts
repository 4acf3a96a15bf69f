/** Processor time: of a command with its children, of a server with all its descendants, of the whole machine. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** The kernel counts in hundredths of a second on every Linux that Node runs on. */
const ticksPerSecond = 100;

interface ProcessTimes {
  readonly parent: number;
  /** Its own and its reaped children's, in seconds. */
  readonly seconds: number;
}

/** Seconds a process and all its descendants have used so far, those that ended and were waited for included. */
export function treeSeconds(pid: number): number {
  const all = allProcesses();
  let seconds = 0;
  for (const member of treeOf(pid, all)) seconds += all.get(member)?.seconds ?? 0;
  return seconds;
}

/** Waits until a server has as few processes as it had before: what a connection used is on its account only then. */
export async function waitForQuiet(pid: number, processesBefore: number, timeoutMs = 3000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (countTree(pid) > processesBefore && Date.now() < end) await delay(5);
}

/** How many processes a server consists of. */
export function countTree(pid: number): number {
  return treeOf(pid, allProcesses()).length;
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

function treeOf(pid: number, all: ReadonlyMap<number, ProcessTimes>): number[] {
  const members = [pid];
  for (let i = 0; i < members.length; i++) {
    for (const [child, { parent }] of all) if (parent === members[i]) members.push(child);
  }
  return members;
}

function allProcesses(): Map<number, ProcessTimes> {
  const found = new Map<number, ProcessTimes>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // The name in parentheses may hold spaces and parentheses itself; what follows the last one is fixed (proc(5)).
      const text = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
      const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
      found.set(Number(name), { parent: Number(fields[1]), seconds: ticks / ticksPerSecond });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}
