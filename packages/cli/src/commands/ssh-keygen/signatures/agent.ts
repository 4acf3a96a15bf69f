/** The agent of ssh-keygen -Y sign. */
import { createConnection } from 'node:net';
import { type AgentClient, agentSigners, createAgentClient } from '@nacre/ssh/agent';
import type { PublicKey, Signer } from '@nacre/ssh/keys';

/** A connection to the agent that SSH_AUTH_SOCK names; undefined where there is none that answers. */
export async function openAgent(path: string | undefined): Promise<AgentClient | undefined> {
  if (path === undefined || path === '') return undefined;
  return await new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('error', () => resolve(undefined));
    socket.once('connect', () => resolve(createAgentClient(socket)));
  });
}

/** The agent's signer for exactly this key or certificate; undefined where it does not hold it, or does not say. */
export async function findInAgent(agent: AgentClient, key: PublicKey): Promise<Signer | undefined> {
  try {
    return (await agentSigners(agent)).find(({ publicKey }) => publicKey.equals(key));
  } catch {
    return undefined;
  }
}
