/** Every workload. */
import { certificates } from './certificates.ts';
import { connections } from './connections.ts';
import { execBulk } from './exec-bulk.ts';
import { forwards } from './forwards.ts';
import { keyscan } from './keyscan.ts';
import { keystrokes } from './keystrokes.ts';
import { knownHosts } from './known-hosts.ts';
import { krl } from './krl.ts';
import { oneCommand } from './one-command.ts';
import { startUp } from './start-up.ts';
import type { Workload } from './types.ts';

export const workloads: readonly Workload[] = [
  execBulk,
  connections,
  oneCommand,
  forwards,
  keystrokes,
  startUp,
  keyscan,
  certificates,
  knownHosts,
  krl,
];
