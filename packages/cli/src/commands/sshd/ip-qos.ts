/** IPQoS: how a connection's packets are marked, which its first session decides. */
import type { ServerConnection } from '@nacre/ssh/server';
import type { Say } from './admission.ts';
import type { Settings } from './config/config.ts';

/** Those whose first session has begun. */
const decided = new WeakSet<ServerConnection>();

/**
 * Marks the packets of a connection. Later calls change nothing: its sessions share one socket.
 *
 * @param isInteractive - whether somebody types: there is a terminal or a display.
 */
export async function markPackets(
  connection: ServerConnection,
  isInteractive: boolean,
  { ipQos }: Pick<Settings, 'ipQos'>,
  log: Say,
): Promise<void> {
  if (decided.has(connection)) return;
  decided.add(connection);
  const name = isInteractive ? ipQos.interactive : ipQos.bulk;
  if (name === 'none') return;
  const { setTypeOfService } = await import('../../os/type-of-service.ts');
  setTypeOfService(connection.stream, name, (level, text) => log(`DEBUG${level}`, text));
}
