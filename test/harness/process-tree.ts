/** The processes that a server consists of, found by following children, and the memory that they take. Linux only. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** True where /proc tells who is whose child, and what each takes. */
export const hasProcessTree: boolean = existsSync('/proc/self/smaps_rollup');

/** A process and all its descendants, as far as they live now. */
export function processTree(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = statFields(Number(name))?.[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const members = parents.has(pid) ? [pid] : [];
  for (let i = 0; i < members.length; i++) {
    for (const [child, parent] of parents) if (parent === members[i]) members.push(child);
  }
  return members;
}

/** The fields of /proc/PID/stat behind the name, state first (proc(5)); undefined where it has ended. */
export function statFields(pid: number): string[] | undefined {
  try {
    // The name in parentheses may hold spaces and parentheses itself; what follows the last one is fixed.
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

export interface TreeMemory {
  readonly processes: number;
  /** Each process's own pages, and its share of those that several use: what would be free without them. */
  readonly pssBytes: number;
  /** Heaps, stacks and buffers: no part of any file, and so the same whoever else runs the same programs. */
  readonly anonymousBytes: number;
}

/** What a server takes, all its processes together. */
export function treeMemory(pid: number): TreeMemory {
  let processes = 0;
  let [pssBytes, anonymousBytes] = [0, 0];
  for (const member of processTree(pid)) {
    try {
      const text = readFileSync(`/proc/${member}/smaps_rollup`, 'utf8');
      const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024;
      processes++;
      pssBytes += bytes('Pss');
      anonymousBytes += bytes('Anonymous');
    } catch {
      // It ended while we looked, or is a zombie.
    }
  }
  return { processes, pssBytes, anonymousBytes };
}
