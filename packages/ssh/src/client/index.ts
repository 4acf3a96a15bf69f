/** @nacre/ssh/client: connect() and what belongs to it. */

export { releaseMemory } from '../io/index.ts';
export { version } from '../version.ts';
export { type AgentSurroundings, connectAgent, findAgentPaths } from './agent-socket.ts';
export { ClientConnection } from './client-connection.ts';
export { nodeConfigSystem } from './config-system.ts';
export { connect } from './connect.ts';
export type { ExecOptions, ExecResult } from './exec.ts';
export {
  type ActiveForward,
  type ForwardedConnection,
  type ForwardOptions,
  forwardLocal,
  forwardRemote,
} from './forwards.ts';
export {
  acceptAnyHostKeyWithoutVerification,
  type HostKeyPolicy,
  type HostKeyQuestion,
  pinnedHostKeys,
  trustedHostAuthorities,
} from './host-key-policy.ts';
export {
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
export type {
  CallOptions,
  ConnectFacts,
  ConnectOptions,
  HandshakeFacts,
  HostKeyAnnouncement,
  StartOptions,
} from './options.ts';
export { type ProxyCommandOptions, startProxyCommand } from './proxy-command.ts';
export type { OnForwardedConnection, RemoteListener, RemoteSocketListener } from './remote-forwards.ts';
export { type RevokedHostKeysOptions, refuseRevokedHostKeys } from './revoked-host-keys.ts';
export {
  type HostKeyKind,
  hostKeyKinds,
  parseAddressRange,
  type ScanOptions,
  type ScanResult,
  type ScanTarget,
  scanHostKeys,
} from './scan/index.ts';
export { type ScpGetOptions, type ScpOptions, type ScpPath, scpGet, scpPut } from './scp.ts';
export { localScpFiles } from './scp-local-files.ts';
export { runScpSink, runScpSource, type ScpEnd, type ScpEndOptions } from './scp-remote-end.ts';
export { openSftp } from './sftp.ts';
export { parseTarget, type Target } from './target.ts';
