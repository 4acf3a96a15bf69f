/** A forwarded agent: requests from another machine go to the agent here, answers back, after the agent was told who asks. */
import type { SshError } from '../errors.ts';
import { type SessionBinding, sendSessionBinding } from './client.ts';
import { RequestQueue } from './request-queue.ts';
import { serveRequests } from './serve-requests.ts';
import type { AgentStream } from './stream.ts';

/** An agent connection that is bound to the session it will be forwarded to. */
export interface AgentRelay {
  /** False where the agent knows no bindings: then it can hold no keys that are limited to destinations either. */
  readonly isBound: boolean;
  /**
   * Carries requests from the other machine to the agent, one at a time, each frame held to the limit of its length.
   *
   * @returns settles when either end is gone; the other is closed then.
   */
  serve(client: AgentStream): Promise<SshError | undefined>;
  /** Closes the agent's end. */
  close(): void;
}

/**
 * Takes a fresh connection to an agent and binds it (session-bind@openssh.com, forwarding) before anything of the other
 * machine's reaches it: otherwise a key that is limited to destinations could be used from there as if it were here.
 *
 * @throws SshError `agent-unavailable` where the agent hangs up.
 */
export async function openAgentRelay(
  agent: AgentStream,
  binding: Omit<SessionBinding, 'forwarding'>,
): Promise<AgentRelay> {
  const queue = new RequestQueue(agent);
  const isBound = await sendSessionBinding(queue, { ...binding, forwarding: true });
  return {
    isBound,
    async serve(client) {
      agent.on('close', () => client.destroy());
      const ended = await serveRequests(client, (request) => queue.request(request));
      queue.close();
      return ended;
    },
    close: () => queue.close(),
  };
}
