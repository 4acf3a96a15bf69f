/** How a request comes by a shared connection: one that is there, or one that a process of its own holds from now on. */
import type { ClientConnection } from '@nacre/ssh/client';
import { FatalError } from '../end.ts';
import type { Request } from '../request.ts';
import { role } from '../role.ts';
import { joinMaster, joinProxy } from './join.ts';

/**
 * A connection through a master; an exit status where all is done; undefined where ssh is to connect by itself.
 *
 * With ControlPersist the master is a process that this one starts: it logs in at this terminal, leaves it, and this process goes
 * through it like every later one. OpenSSH forks after login to the same end.
 *
 * @param args - what a new master is started with, where that is not what this process was started with.
 * @throws FatalError where -O proxy has no master.
 */
export async function reachMaster(
  request: Request,
  path: string,
  args?: readonly string[],
): Promise<ClientConnection | number | undefined> {
  const { settings, controlCommand, stdioForward } = request;
  if (controlCommand === 'proxy') return joinProxy(request, path);
  if (role === 'master') return undefined;
  const { controlMaster, controlPersist } = settings;
  if (controlMaster !== 'yes' && controlMaster !== 'ask') {
    const connection = await joinMaster(request, path);
    if (connection !== undefined) return connection;
  }
  if (controlMaster === 'no' || !controlPersist.keep) return undefined;
  const { startProcess } = await import('../background.ts');
  const status = await startProcess('master', args);
  if (status !== 'ready') return status;
  if (settings.sessionType === 'none' && stdioForward === undefined) return 0;
  // Its forwards are opened; that a master stands where none was is no news.
  const later = { ...request, settings: { ...settings, controlMaster: 'no', clearAllForwardings: true } as const };
  const connection = await joinMaster(later, path);
  if (connection === undefined) throw new FatalError('Failed to connect to new control master');
  return connection;
}
