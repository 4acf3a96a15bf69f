/** @nacre/ssh/agent: keys and signatures from an agent. */

export {
  type AddKeyOptions,
  type AgentClient,
  type AgentIdentity,
  agentSigners,
  createAgentClient,
  type SessionBinding,
} from './client.ts';
export type { AgentConstraints } from './constraints.ts';
export type { CallOptions } from './request-queue.ts';
export type { AgentStream } from './stream.ts';
