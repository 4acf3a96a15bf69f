/** @nacre/ssh/config: ssh_config as programs and tools read it. */
export {
  type AlgorithmKind,
  type AlgorithmKindName,
  type AlgorithmNames,
  algorithmKinds,
  resolveAlgorithmList,
} from './algorithm-list.ts';
export { canonicalizeHostName, type NameLookup } from './client/canonicalize.ts';
export { type DumpLine, type DumpOptions, dumpClientConfig } from './client/dump.ts';
export { type ClientKeyword, type ClientSettings, clientKeywords, findClientKeyword } from './client/keywords.ts';
export type { RanCommand } from './client/match.ts';
export type { BlockEvent, ClientDraft, ReadEvent } from './client/read.ts';
export { type ClientConfigRequest, resolveClientConfig } from './client/resolve.ts';
export type { ClientConfig } from './client/settled.ts';
export { type ConfigLogLevel, parseEscapeCharacter } from './client/special-values.ts';
export type { ConfigSystem, ReadFileOptions } from './client/system.ts';
export { clientTokens, proxyTokens, type TokenFacts, tokenFacts } from './client/tokens.ts';
export { formatTunnelDevice, parseTunnelDevice } from './client/tunnel-device.ts';
export {
  type Forward,
  type ForwardKind,
  type ForwardListen,
  type ForwardTarget,
  formatForward,
  parseForward,
} from './forwards.ts';
export { type ConfigLine, splitConfigLine, splitWords } from './line.ts';
export { isHostName, isUserName } from './names.ts';
export { ConfigError, type ConfigMistake, type ConfigPlace, commandLine } from './place.ts';
export { shellTokens } from './shell-tokens.ts';
export { type SshAddressParts, splitSshAddress, splitUser } from './ssh-address.ts';
export { expandHome, expandTokens, expandVariables, type TokenValues } from './tokens.ts';
export type { AlgorithmSpec } from './values.ts';
