/** @nacre/ssh: Secure Shell for Node. The paved path; everything else has an export path of its own. */
export { ClientConnection } from './client/client-connection.ts';
export type { ConfigSource } from './client/configured/config-source.ts';
export type { ConfiguredConnectOptions } from './client/configured/connect-configured.ts';
export { connect } from './client/connect.ts';
export type { ExecOptions, ExecResult } from './client/exec.ts';
export {
  acceptAnyHostKeyWithoutVerification,
  type HostKeyPolicy,
  pinnedHostKeys,
  trustedHostAuthorities,
} from './client/host-key-policy.ts';
export type { UnknownHostQuestion } from './client/known-hosts-options.ts';
export { knownHosts } from './client/known-hosts-policy.ts';
export type { ConnectOptions, StartOptions } from './client/options.ts';
export type { ClientSession, PtyOptions, SessionExit } from './connection/index.ts';
export { type AuthFailure, SshError, type SshErrorCode, type SshStage } from './errors.ts';
export {
  fingerprint,
  formatPrivateKey,
  formatPublicKey,
  generateKey,
  type PrivateKey,
  type PublicKey,
  parsePrivateKey,
  parsePublicKey,
  type Signer,
} from './keys/index.ts';
export type { Program, ProgramIo, ServerOptions } from './server/options.ts';
export { createServer, type SshServer } from './server/server.ts';
export { ServerConnection } from './server/server-connection.ts';
export { findAuthorizedKey, type Permissions, parseAuthorizedKeys } from './trust/index.ts';
export { version } from './version.ts';
