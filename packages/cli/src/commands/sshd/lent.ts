/** What a client lends to its sessions here, as far as the configuration lets it: its agent. */
import type { AgentForwardRequest, ForwardedAgent, ServerConnection } from '@nacre/ssh/server';
import type { Admission } from './admission.ts';
import { userSockets } from './user-sockets.ts';

/** AllowAgentForwarding: a socket of the user's that leads to the client's agent; undefined refuses. */
export async function lendAgent(
  { onConnection }: AgentForwardRequest,
  connection: ServerConnection,
  admission: Admission,
): Promise<ForwardedAgent | undefined> {
  const candidate = admission.find(connection.peer);
  if (candidate?.isValid !== true) return undefined;
  const { allowAgentForwarding, disableForwarding } = candidate.settings;
  if (disableForwarding || !allowAgentForwarding) return undefined;
  const sockets = await userSockets(connection, candidate.account);
  return sockets.listenAgent(onConnection);
}
