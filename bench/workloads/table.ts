/** Every workload. */
import { certificates } from './certificates.ts';
import { connections } from './connections.ts';
import { execBulk } from './exec-bulk.ts';
import { execLongPath } from './exec-long-path.ts';
import { forwards } from './forwards.ts';
import { growth } from './growth.ts';
import { keyscan } from './keyscan.ts';
import { keystrokes } from './keystrokes.ts';
import { knownHosts } from './known-hosts.ts';
import { krl } from './krl.ts';
import { logins } from './logins.ts';
import { memoryBulk } from './memory-bulk.ts';
import { oneCommand } from './one-command.ts';
import { sessions } from './sessions.ts';
import { sftpBulk } from './sftp-bulk.ts';
import { sftpList } from './sftp-list.ts';
import { sftpLongPath } from './sftp-long-path.ts';
import { sftpSmallFiles } from './sftp-small-files.ts';
import { sshdLoad } from './sshd-load.ts';
import { startUp } from './start-up.ts';
import type { Workload } from './types.ts';

export const workloads: readonly Workload[] = [
  execBulk,
  connections,
  logins,
  sessions,
  oneCommand,
  forwards,
  keystrokes,
  startUp,
  keyscan,
  certificates,
  knownHosts,
  krl,
  sftpBulk,
  sftpSmallFiles,
  sftpList,
  sftpLongPath,
  execLongPath,
  sshdLoad,
  memoryBulk,
  growth,
];
