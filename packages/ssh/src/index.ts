/** @nacre/ssh: Secure Shell for Node. The paved path; everything else has an export path of its own. */
export {
  acceptAnyHostKeyWithoutVerification,
  ClientConnection,
  type ConnectOptions,
  connect,
  type ExecOptions,
  type ExecResult,
  type HostKeyPolicy,
  knownHosts,
  pinnedHostKeys,
  type StartOptions,
  trustedHostAuthorities,
  type UnknownHostQuestion,
} from './client/index.ts';
export type { ClientSession, PtyOptions, SessionExit } from './connection/index.ts';
export { SshError, type SshErrorCode, type SshStage } from './errors.ts';
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
export {
  createServer,
  type Program,
  type ProgramIo,
  ServerConnection,
  type ServerOptions,
  type SshServer,
} from './server/index.ts';
export { findAuthorizedKey, type Permissions, parseAuthorizedKeys } from './trust/index.ts';
export { version } from './version.ts';
