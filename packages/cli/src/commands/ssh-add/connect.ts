/** The connection to the agent that SSH_AUTH_SOCK names. */
import { connect, type Socket } from 'node:net';
import { type AgentClient, createAgentClient } from '@nacre/ssh/agent';
import { describeSystemError, Ending } from '../ssh-keygen/ending.ts';

/** Where Windows' own OpenSSH agent listens. */
const windowsPipe = '\\\\.\\pipe\\openssh-ssh-agent';

/** Ends the tool with status 2 where there is no agent. */
export async function connectAgent(): Promise<AgentClient> {
  const path = process.env.SSH_AUTH_SOCK || (process.platform === 'win32' ? windowsPipe : undefined);
  if (path === undefined) throw new Ending('Could not open a connection to your authentication agent.', 2);
  try {
    return createAgentClient(await open(path));
  } catch (error) {
    throw new Ending(`Error connecting to agent: ${describeConnectError(error)}`, 2);
  }
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function describeConnectError(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return 'Connection refused';
  // Node's own check of the path's length.
  if (code === 'EINVAL') return 'Invalid argument';
  return describeSystemError(error);
}
