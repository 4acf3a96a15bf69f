/** @nacre/ssh/agent: keys and signatures from an agent. */

export {
  type AddKeyOptions,
  type AddSmartcardOptions,
  type AgentClient,
  type AgentIdentity,
  agentSigners,
  createAgentClient,
  type SessionBinding,
} from './client.ts';
export type { AgentConstraints, AssociatedCertificates, ConstraintSubject } from './constraint-types.ts';
export { decodeConstraints, encodeConstraints } from './constraints.ts';
export type { DestinationConstraint, DestinationHost, DestinationHostKey } from './destinations.ts';
export { type ConfirmRequest, Keyring, type KeyringOptions, type SignRequest } from './keyring.ts';
export { type AgentRelay, openAgentRelay } from './relay.ts';
export type { CallOptions } from './request-queue.ts';
export { type AgentConnection, type ServeAgentOptions, serveAgent } from './server.ts';
export type { BoundSession, SessionBindings } from './session-bindings.ts';
export type { AgentStream } from './stream.ts';
