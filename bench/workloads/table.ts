/** Every workload. */
import { certificates } from './certificates.ts';
import { connections } from './connections.ts';
import { execBulk } from './exec-bulk.ts';
import { keyscan } from './keyscan.ts';
import { knownHosts } from './known-hosts.ts';
import { krl } from './krl.ts';
import { startUp } from './start-up.ts';
import type { Workload } from './types.ts';

export const workloads: readonly Workload[] = [execBulk, connections, startUp, keyscan, certificates, knownHosts, krl];
