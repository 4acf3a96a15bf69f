/** Where an agent listens, a Unix socket or a Windows pipe, and a connection to it. */
import { readdirSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { connect as connectSocket, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { type AgentClient, createAgentClient } from '../agent/index.ts';
import { SshError } from '../errors.ts';
import { connected } from '../io/index.ts';

/** What the search for an agent asks of the system; a test gives another. */
export interface AgentSurroundings {
  readonly platform: NodeJS.Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly userName: () => string;
  /** Names of the named pipes of this machine (Windows). */
  readonly listPipes: () => readonly string[];
}

const pipeFolder = '\\\\.\\pipe\\';
const openSshPipe = 'openssh-ssh-agent';

/**
 * Where an agent may listen, first choice first: `SSH_AUTH_SOCK` and nothing else where it is set; on Windows otherwise the
 * agent of Windows' own OpenSSH and a Pageant of this user, of those that are there.
 *
 * @example
 * findAgentPaths(); // [ '/home/ada/.ssh/agent/s.x1.agent.y2' ]
 */
export function findAgentPaths(surroundings: AgentSurroundings = thisSystem): string[] {
  const named = surroundings.environment.SSH_AUTH_SOCK;
  if (named !== undefined && named !== '') return [named];
  if (surroundings.platform !== 'win32') return [];
  const pipes = surroundings.listPipes();
  const own = pipes.filter((name) => isPageant(name, surroundings.userName()));
  return [...(pipes.includes(openSshPipe) ? [openSshPipe] : []), ...own].map((name) => pipeFolder + name);
}

/**
 * PuTTY names the pipe `pageant.USER.HASH`, where the hash is of bytes that CryptProtectMemory has scrambled for this login
 * session: it is found by looking, not by computing.
 */
function isPageant(name: string, userName: string): boolean {
  const prefix = `pageant.${userName}.`.toLowerCase();
  return name.toLowerCase().startsWith(prefix) && /^[0-9a-f]{64}$/i.test(name.slice(prefix.length));
}

/**
 * Connects to an agent.
 *
 * @param path - its socket or Windows pipe; default the first of `findAgentPaths()` that answers.
 * @throws SshError `agent-unavailable`, also for a socket of another user: keys added there would be given away.
 * @example
 * using agent = await connectAgent();
 * for (const { comment } of await agent.list()) console.log(comment);
 */
export async function connectAgent(path?: string): Promise<AgentClient> {
  return createAgentClient(await connectAgentSocket(path));
}

/** The same without a client upon it: for what carries an agent's messages elsewhere. */
export async function connectAgentSocket(path?: string): Promise<Socket> {
  const paths = path === undefined || path === '' ? findAgentPaths() : [path];
  let failure = unavailable('no agent is running: SSH_AUTH_SOCK is not set');
  for (const each of paths) {
    try {
      return await open(each);
    } catch (error) {
      if (!(error instanceof SshError)) throw error;
      failure = error;
    }
  }
  throw failure;
}

async function open(path: string): Promise<Socket> {
  await requireOwn(path);
  try {
    return await connected(connectSocket(path));
  } catch (error) {
    throw unavailable(`cannot reach the agent at ${path}: ${(error as Error).message}`, error);
  }
}

/** A socket that another user left at a place we look at would receive our keys. Root may use whosever it likes. */
async function requireOwn(path: string): Promise<void> {
  const own = process.getuid?.();
  if (own === undefined || own === 0) return;
  const owner = await stat(path).then(
    ({ uid }) => uid,
    () => own,
  );
  if (owner === own || owner === 0) return;
  throw new SshError(`the agent's socket ${path} belongs to user ${owner}, not to ${own}`, {
    code: 'agent-unavailable',
    stage: 'agent',
    remedy: 'Set SSH_AUTH_SOCK to the socket of your own agent.',
  });
}

function unavailable(message: string, cause?: unknown): SshError {
  return new SshError(message, {
    code: 'agent-unavailable',
    stage: 'agent',
    remedy: 'Start one with ssh-agent, or unset SSH_AUTH_SOCK.',
    ...(cause === undefined ? {} : { cause }),
  });
}

const thisSystem: AgentSurroundings = {
  platform: process.platform,
  environment: process.env,
  userName: () => userInfo().username,
  listPipes() {
    try {
      return readdirSync(pipeFolder);
    } catch {
      return [];
    }
  },
};
