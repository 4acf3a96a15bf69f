/** What a process gives up that speaks with strangers. */
import { readFileSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import { canBecomeRoot, findAccount } from '../../../os/index.ts';

/** OpenSSH's own account for this first, then whoever has nothing. */
const powerless = ['sshd', '_sshd', 'nobody'];

/** Node's own: absent where a process was not told to hold itself to permissions. */
type WithPermission = NodeJS.Process & { readonly permission?: { has(scope: string): boolean } };

/**
 * A signal of the same user's makes Node listen for debuggers, on a port that everybody on this machine can connect to. A listener
 * of our own takes its place.
 */
export function refuseDebuggers(): void {
  process.on('SIGUSR1', () => {});
}

/** The account that workers run as. */
export function workerAccount(): { readonly uid: number; readonly gid: number; readonly name: string } {
  const account = powerless.map((name) => findAccount(name)).find((found) => found !== undefined && found.uid !== 0);
  if (account !== undefined) return account;
  throw new SshError(`Privilege separation user ${powerless[0]} does not exist`, {
    code: 'bad-file',
    stage: 'config',
    remedy: 'make an account for it: useradd -r -d /nonexistent -s /usr/sbin/nologin sshd',
  });
}

/**
 * Becomes that account, without any group, for good.
 *
 * @throws SshError `misuse` where root could still be regained, or files or programs be used.
 */
export function giveUpRights(): void {
  const [uid, gid] = [process.env[uidVariable], process.env[gidVariable]].map(Number) as [number, number];
  process.setgroups?.([gid]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  const groups = process.getgroups?.() ?? [];
  const isOther = uid > 0 && gid > 0 && process.getuid?.() === uid && process.geteuid?.() === uid;
  if (!isOther || process.getegid?.() !== gid || groups.some((group) => group !== gid)) {
    throw unconfined('the system did not take our rights');
  }
  if (canBecomeRoot()) throw unconfined('root could still be regained');
  const { permission } = process as WithPermission;
  if (permission === undefined || permission.has('child') || permission.has('fs.write')) {
    throw unconfined('Node does not hold this process to its permissions');
  }
  if (!/^NoNewPrivs:\s*1$/m.test(readOwnStatus())) throw unconfined('programs could still give rights back');
}

/** Where a worker finds who it is to be. */
export const uidVariable = 'NACRE_WORKER_UID';
export const gidVariable = 'NACRE_WORKER_GID';
/** The one file of the system's that it reads. */
export const ownStatusFile = '/proc/self/status';

function readOwnStatus(): string {
  return readFileSync(ownStatusFile, 'latin1');
}

function unconfined(message: string): SshError {
  return new SshError(message, { code: 'misuse', stage: 'transport' });
}
