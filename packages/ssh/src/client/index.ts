/** @nacre/ssh/client: connect() and what belongs to it. */

export { releaseMemory } from '../io/index.ts';
export { version } from '../version.ts';
export { ClientConnection } from './client-connection.ts';
export { connect } from './connect.ts';
export type { ExecOptions, ExecResult } from './exec.ts';
export {
  acceptAnyHostKeyWithoutVerification,
  type HostKeyPolicy,
  type HostKeyQuestion,
  pinnedHostKeys,
  trustedHostAuthorities,
} from './host-key-policy.ts';
export {
  connectAgent,
  defaultIdentityFiles,
  type IdentityFileOptions,
  loadCertificateBeside,
  loadIdentity,
} from './identities.ts';
export {
  type KnownHostsOptions,
  knownHosts,
  type OtherName,
  type RefusedHostKey,
  type UnknownHostQuestion,
} from './known-hosts-policy.ts';
export type { CallOptions, ConnectFacts, ConnectOptions, HandshakeFacts, StartOptions } from './options.ts';
export type { RemoteListener } from './remote-forwards.ts';
export { openSftp } from './sftp.ts';
export { parseTarget, type Target } from './target.ts';
