/** @nacre/ssh/trust: whom to trust. known_hosts, authorized_keys, permissions, patterns and address lists. */

export { blockOf, matchAddressList, matchCidrList, matchHostAndAddress, type SourceBlock } from './addresses.ts';
export {
  type AllowedSigners,
  checkSigner,
  type FoundPrincipals,
  findSignerPrincipals,
  matchSignerPrincipals,
  type PrincipalsQuestion,
  parseAllowedSigners,
  type SignerQuestion,
  type SignerVerdict,
} from './allowed-signers.ts';
export type { AllowedSignersEntry, SignerLineProblem } from './allowed-signers-line.ts';
export {
  type AuthorizedKeyContext,
  type AuthorizedKeys,
  type AuthorizedKeysEntry,
  type AuthorizedKeyVerdict,
  findAuthorizedKey,
  parseAuthorizedKeys,
} from './authorized-keys.ts';
export { findAuthorizedPrincipal, type PrincipalsContext, type PrincipalsVerdict } from './authorized-principals.ts';
export {
  type AddressVerdict,
  checkHostKey,
  type FurtherLines,
  type HostKeyQuestion,
  type HostKeyVerdict,
  hasHostAuthority,
  knownKeyTypes,
} from './check-host-key.ts';
export {
  addHost,
  findHostLines,
  formatHashedHost,
  type HashedHosts,
  type HostLookUp,
  hashHosts,
  hashLine,
  type NewHost,
  type RemovedHost,
  removeHost,
} from './edit-known-hosts.ts';
export { allFeatures, type Feature, type FeatureFlags, type FeatureRow, featureFor, features } from './features.ts';
export { type ForwardRule, parseForwardRule } from './forward-rules.ts';
export {
  type HostPlace,
  planRotation,
  type RotationChange,
  type RotationNames,
  type RotationObstacle,
  type RotationPlan,
  rotateHostKeys,
} from './host-key-rotation.ts';
export { formatHostName } from './host-name.ts';
export { type KeyOptions, parseKeyOptions } from './key-options.ts';
export {
  findHostEntries,
  type HostMarker,
  type KnownHosts,
  type KnownHostsEntry,
  parseKnownHosts,
} from './known-hosts.ts';
export type { KnownHostsLine } from './known-hosts-line.ts';
export { type MatchResult, matchHostPatternList, matchPattern, matchPatternList } from './patterns.ts';
export {
  fullPermissions,
  type LoginContext,
  mayListen,
  mayOpen,
  mergePermissions,
  type Permissions,
  permissionsFromCertificate,
  refusalFor,
} from './permissions.ts';
// The lists themselves have a path of their own, @nacre/ssh/trust/revocation-list: few programs need them at their start.
export type { RevocationReason, RevokedKeys } from './revocation-list/types.ts';
export { parseTimeSpec } from './time-spec.ts';
export type { LineProblem } from './trust-file.ts';
export type { TrustText } from './trust-text.ts';
export {
  findDenial,
  judgeByName,
  parseTunnelRule,
  type TunnelDirection,
  type TunnelRule,
  type TunnelTarget,
} from './tunnel-policy.ts';
export { formatTunnelQuota, parseTunnelQuota, type TunnelQuota } from './tunnel-quota.ts';
export { type CertificateQuestion, certificateRefusal } from './user-certificate.ts';
