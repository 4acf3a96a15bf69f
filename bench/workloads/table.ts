/** Every workload. */
import { connections } from './connections.ts';
import { execBulk } from './exec-bulk.ts';
import { keyscan } from './keyscan.ts';
import { knownHosts } from './known-hosts.ts';
import { startUp } from './start-up.ts';
import type { Workload } from './types.ts';

export const workloads: readonly Workload[] = [execBulk, connections, keyscan, knownHosts, startUp];
