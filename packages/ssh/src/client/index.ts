/** @nacre/ssh/client: connect() and what belongs to it. */

export { releaseMemory, systemClock } from '../io/index.ts';
export { version } from '../version.ts';
export type { AgentSource } from './agent-forwarding.ts';
export { type AgentSurroundings, connectAgent, findAgentPaths } from './agent-socket.ts';
export { ClientConnection } from './client-connection.ts';
export { nodeConfigSystem } from './config-system.ts';
export { type ConfigSource, type NamedHost, type SettledHost, settleHost } from './configured/config-source.ts';
export type { AskingHost, ConfiguredConnectOptions } from './configured/connect-configured.ts';
export {
  allAlgorithms,
  type ConfiguredCallbacks,
  type ConfiguredNews,
  type ConfiguredQuestions,
  configuredOptions,
  type Expansion,
  expandPath,
  orEmpty,
  orUndefined,
} from './configured/index.ts';
export { type JumpHost, parseJumpHosts } from './configured/jump-hosts.ts';
export {
  jumpHostsOf,
  openWay,
  proxyCommandOf,
  type Station,
  type StationConnection,
  type Way,
  type WayOptions,
} from './configured/way.ts';
export { connect } from './connect.ts';
export { lookUpSshfp, type SshfpAnswer, type SshfpLookUpOptions } from './dns/look-up-sshfp.ts';
export { type DnsAnswer, type DnsQuery, decodeSshfpAnswer, encodeSshfpQuery, parseDnsName } from './dns/message.ts';
export { parseResolvConf, type ResolverSettings } from './dns/resolv-conf.ts';
export type { ExecOptions, ExecResult } from './exec.ts';
export type { ForwardTraffic } from './forward-ledger.ts';
export type { Destination, ForwardedConnection, ForwardHooks } from './forwarded-connection.ts';
export {
  type ActiveForward,
  type ForwardOptions,
  type ForwardStatus,
  forwardLocal,
  forwardRemote,
  type MeteredForward,
} from './forwards.ts';
export { expandGlob } from './glob.ts';
export {
  acceptAnyHostKeyWithoutVerification,
  type HostKeyAnnouncement,
  type HostKeyPolicy,
  type HostKeyQuestion,
  pinnedHostKeys,
  trustedHostAuthorities,
} from './host-key-policy.ts';
export { resolveHostNames } from './host-names.ts';
export {
  defaultIdentityFiles,
  type IdentityFileOptions,
  loadCertificateBeside,
  loadIdentity,
  readPublicHalf,
} from './identities.ts';
export { type KeepForwardingOptions, type KeptForwarding, keepForwarding } from './keep-forwarding.ts';
export type { KeptEvent } from './kept-event.ts';
export {
  type KnownHostsCommand,
  type KnownHostsCommandOptions,
  type KnownHostsQuestion,
  knownHostsCommand,
} from './known-hosts-command.ts';
export type {
  AddressMismatch,
  DnsFinding,
  KnownHostsOptions,
  OtherName,
  RefusedHostKey,
  UnknownHostQuestion,
} from './known-hosts-options.ts';
export { knownHosts } from './known-hosts-policy.ts';
export {
  type HostKeyUpdate,
  type LearnedHostKeys,
  type LearnHostKeysOptions,
  learnHostKeys,
} from './learn-host-keys.ts';
export type { BoundAddress, ListenFailure } from './local-listener.ts';
export {
  connectMux,
  connectThroughMaster,
  type MuxClient,
  type MuxConnectOptions,
  type ShareOptions,
  type ThroughMasterOptions,
} from './mux-client.ts';
export { type MuxMaster, type MuxPolicy, type PassengerPolicy, serveMux } from './mux-master.ts';
export { type Persistence, persistWhileUsed } from './mux-persist.ts';
export type {
  CallOptions,
  ConnectFacts,
  ConnectOptions,
  HandshakeFacts,
  StartOptions,
} from './options.ts';
export { programStream } from './program-stream.ts';
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

export type { OnTrustEvent, TrustEvent, TrustEventLevel } from './trust-event.ts';

export type { X11Options } from './x11/forwarding.ts';
