/** The connection to the agent that SSH_AUTH_SOCK names. */
import type { AgentClient } from '@nacre/ssh/agent';
import { connectAgent as connectTo, findAgentPaths } from '@nacre/ssh/agent-socket';
import { SshError } from '@nacre/ssh/errors';
import { describeSystemError, Ending } from '../ssh-keygen/ending.ts';

/** Ends the tool with status 2 where there is no agent. */
export async function connectAgent(): Promise<AgentClient> {
  if (findAgentPaths().length === 0) throw new Ending('Could not open a connection to your authentication agent.', 2);
  try {
    return await connectTo();
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    throw new Ending(`Error connecting to agent: ${describeRefusal(error)}`, 2);
  }
}

function describeRefusal(error: SshError): string {
  // Another user's socket: no system call failed, and the reason is the library's own.
  if (error.cause === undefined) return error.message;
  const { code } = error.cause as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'Connection refused';
  // Node's own check of the path's length.
  if (code === 'EINVAL') return 'Invalid argument';
  return describeSystemError(error.cause);
}
