/** @nacre/ssh/agent: keys and signatures from an agent. */

export {
  type AgentClient,
  type AgentIdentity,
  type AgentKeyMaterial,
  agentSigners,
  createAgentClient,
  type SessionBinding,
} from './client.ts';
export type { AgentConstraints } from './constraints.ts';
export type { CallOptions } from './request-queue.ts';
export type { AgentStream } from './stream.ts';
