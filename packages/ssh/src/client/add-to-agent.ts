/** AddKeysToAgent: a key file that was opened for a login goes into the agent. */
import type { AgentClient } from '../agent/index.ts';
import type { PrivateKey } from '../keys/types.ts';
import { connectAgent, findAgentPaths } from './agent-socket.ts';

export interface AddKeysOptions {
  /** The agent is to ask for every use of the key. */
  readonly confirm?: boolean;
  /** The agent forgets the key after so long. Default: never. */
  readonly lifetimeSeconds?: number;
  /** Asked before a key is added; only true is a yes. */
  readonly ask?: (path: string, comment: string) => Promise<boolean>;
}

interface AddKeySurroundings extends AddKeysOptions {
  /** A socket's path or a client; default `SSH_AUTH_SOCK`. */
  readonly agent?: string | AgentClient | false | undefined;
  readonly log?: ((level: 1 | 2 | 3, text: string) => void) | undefined;
}

/**
 * Adds a key with the limits that were asked for. Resolves whatever comes of it: a login needs no agent.
 *
 * @param path - the key's file, which names it where it has no comment.
 */
export async function addKeyToAgent(key: PrivateKey, path: string, surroundings: AddKeySurroundings): Promise<void> {
  const { agent, log, ask, confirm = false, lifetimeSeconds = 0 } = surroundings;
  if (agent === false || (agent === undefined && findAgentPaths().length === 0)) {
    log?.(3, 'no authentication agent, not adding key');
    return;
  }
  const comment = key.comment === '' ? path : key.comment;
  let opened: AgentClient | undefined;
  try {
    // A connection of its own: the one that signs is bound to this server.
    const client = typeof agent === 'object' ? agent : await connectAgent(agent);
    if (client !== agent) opened = client;
    if (ask !== undefined && (await ask(path, comment)) !== true) {
      log?.(3, 'user denied adding this key');
      return;
    }
    const constraints = { ...(lifetimeSeconds > 0 && { lifetimeSeconds }), ...(confirm && { confirm }) };
    await client.add(key, { comment, constraints });
    log?.(1, `identity added to agent: ${path}`);
  } catch (error) {
    log?.(1, `could not add identity to agent: ${path}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    opened?.close();
  }
}
