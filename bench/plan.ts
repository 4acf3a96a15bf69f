/** What `all` runs: the workloads that the targets ask for, with how often, how much and how long, so that all of it fits into an hour. */
import { targets } from './targets.ts';

export interface PlanEntry {
  readonly workload: string;
  /** Repetitions of every row, where the time allows. */
  readonly repetitions: number;
  /** Of the whole; on the machine of RESULTS.md it takes about so long. */
  readonly minutes: number;
  /** How many tables share the time. */
  readonly tables?: number;
  readonly ciphers?: readonly string[];
  readonly mib?: number;
  /** As --rows. */
  readonly rows?: string;
}

/** All of it, with what comes before and after the measurements. */
export const wholeMinutes = 56;

const gcm = ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com'];

/** Short ones first: an hour that is cut short has lost the least. */
export const plan: readonly PlanEntry[] = [
  { workload: 'start-up', repetitions: 11, minutes: 0.5 },
  { workload: 'one-command', repetitions: 11, minutes: 0.8 },
  { workload: 'logins', repetitions: 7, minutes: 2.3, tables: 2 },
  { workload: 'sessions', repetitions: 7, minutes: 0.9 },
  { workload: 'sftp-list', repetitions: 7, minutes: 0.9 },
  { workload: 'sftp-small-files', repetitions: 7, minutes: 2.7 },
  { workload: 'forwards', repetitions: 7, minutes: 2.3, tables: 2 },
  { workload: 'keystrokes', repetitions: 7, minutes: 3.7, tables: 2 },
  { workload: 'exec-bulk', repetitions: 7, minutes: 3.2, ciphers: [gcm[0] as string], mib: 1024 },
  { workload: 'exec-bulk', repetitions: 7, minutes: 2.4, ciphers: [gcm[1] as string], mib: 1024 },
  { workload: 'exec-bulk', repetitions: 7, minutes: 4, ciphers: ['chacha20-poly1305@openssh.com'], mib: 1024 },
  { workload: 'exec-bulk', repetitions: 7, minutes: 3.1, ciphers: ['aes256-ctr'], mib: 1024 },
  { workload: 'sftp-bulk', repetitions: 7, minutes: 5, mib: 1024 },
  { workload: 'sshd-load', repetitions: 7, minutes: 6.4, tables: 3 },
  // OpenSSH needs more than a minute for what nacre moves in nine seconds: so it gets less.
  { workload: 'exec-long-path', repetitions: 7, minutes: 3.3, tables: 2, mib: 1024, rows: '=nacre > nacre' },
  { workload: 'exec-long-path', repetitions: 1, minutes: 2.1, tables: 2, mib: 128 },
  { workload: 'sftp-long-path', repetitions: 7, minutes: 3.4, tables: 2, mib: 1024, rows: '=nacre > nacre' },
  { workload: 'sftp-long-path', repetitions: 1, minutes: 1.4, tables: 2, mib: 128 },
  { workload: 'memory-bulk', repetitions: 1, minutes: 1.6 },
  // What is left goes to the last, whose repetitions take most of a minute.
  { workload: 'growth', repetitions: 7, minutes: 5.7 },
];

/** The part of the time that is left which an entry gets, in milliseconds: what others did not use goes to all that come. */
export function shareOf(entries: readonly PlanEntry[], at: number, leftMs: number): number {
  const minutes = entries.slice(at).reduce((sum, entry) => sum + entry.minutes, 0);
  return minutes === 0 ? 0 : (Math.max(0, leftMs) * (entries[at]?.minutes ?? 0)) / minutes;
}

/** Workloads that a target names and the plan lacks. */
export function unplanned(): string[] {
  const planned = new Set(plan.map(({ workload }) => workload));
  return [...new Set(targets.map(({ workload }) => workload))].filter((name) => !planned.has(name));
}
