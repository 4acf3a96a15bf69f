/** A jump host's own ControlMaster: its connection is looked for, held by a process of its own, or shared, as any host's is. */
import type { ClientConnection } from '@nacre/ssh/client';
import { FatalError } from '../end.ts';
import type { JumpRequest } from '../request.ts';
import { controlPath } from './control-path.ts';
import { joinMaster } from './join.ts';
import type { Sharing } from './master.ts';

/**
 * A connection to the hop through a master: one that runs, or one that ControlPersist has us start. Undefined where this process
 * is to connect to it by itself.
 *
 * @throws FatalError where the master that was started could not log in, which it has told.
 */
export async function reachHop(hop: JumpRequest): Promise<ClientConnection | undefined> {
  const path = controlPath(hop);
  if (path === undefined) return undefined;
  const { controlMaster, controlPersist } = hop.settings;
  if (controlMaster !== 'yes' && controlMaster !== 'ask') {
    const connection = await joinMaster(hop, path);
    if (connection !== undefined) return connection;
  }
  if (controlMaster === 'no' || !controlPersist.keep) return undefined;
  const { startJumpMaster } = await import('../background.ts');
  const status = await startJumpMaster(hop.retyped);
  // 0: another one was faster, or the place is taken by something else.
  if (status !== 'ready' && status !== 0) throw new FatalError('Connection closed by UNKNOWN port 65535');
  return joinMaster({ ...hop, settings: { ...hop.settings, controlMaster: 'no' } }, path);
}

/** Shares the connection to a hop while it stands; undefined where its settings do not ask for it. */
export async function shareHop(connection: ClientConnection, hop: JumpRequest): Promise<Sharing | undefined> {
  const { controlMaster, controlPersist } = hop.settings;
  // With ControlPersist the master is another process: we got here because it could not have its place.
  if (controlMaster === 'no' || controlPersist.keep) return undefined;
  const path = controlPath(hop);
  if (path === undefined) return undefined;
  const [{ openForwards }, { shareConnection }] = await Promise.all([import('../forwards.ts'), import('./master.ts')]);
  return shareConnection(connection, hop, path, await openForwards(connection, hop));
}
