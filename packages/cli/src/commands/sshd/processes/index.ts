/** The processes of a server that runs as root: see docs/decisions/0012-processes.md. */
import { availableParallelism } from 'node:os';
import type { Log } from '../log.ts';
import type { TunnelBooks } from '../tunnel-books.ts';
import { Hosts } from './hosts.ts';
import type { WorkerSettings } from './tables.ts';
import { Workers } from './workers.ts';

export interface Processes {
  readonly workers: Workers;
  readonly hosts: Hosts;
}

/** Whether this server parts its work among processes: root's on Linux does. Elsewhere there is nothing to be kept apart, or no means to. */
export function needsProcesses(): boolean {
  return process.platform === 'linux' && process.getuid?.() === 0;
}

/**
 * @param connections - how many there will be at most.
 * @throws SshError where workers cannot give up their rights.
 */
export async function startProcesses(
  settings: WorkerSettings,
  log: Log,
  books: TunnelBooks,
  connections = Number.POSITIVE_INFINITY,
): Promise<Processes> {
  const hosts = new Hosts(log, books, connections);
  try {
    return { workers: await Workers.start(settings, log, Math.min(availableParallelism(), connections)), hosts };
  } catch (error) {
    await hosts.close();
    throw error;
  }
}

export async function closeProcesses({ workers, hosts }: Processes): Promise<void> {
  workers.close();
  await hosts.close();
}
