/** @nacre/ssh/config/server: sshd_config as programs and tools read it. */
export { splitWords } from '../line.ts';
export { parseConnectionSpec } from './connection-spec.ts';
export type { ServerOrigins } from './draft.ts';
export { dumpServerConfig, type ServerDumpOptions } from './dump.ts';
export { findServerKeyword, type ServerKeyword, type ServerSettings, serverKeywords } from './keywords.ts';
export type { ConnectionFacts, MatchCondition } from './match.ts';
export type { MetricsPlace } from './own-values.ts';
export { fullPenalties, type Penalties, type PenaltyDraft, type PenaltyOverflow } from './penalties.ts';
export { type MatchBlock, type ParsedServerConfig, readServerConfig, type ServerConfigRequest } from './read.ts';
export { resolveServerConfig, type ServerConfig } from './resolve.ts';
export type { AlgorithmChoice, ServerRow, UnservedPolicy } from './rows.ts';
export type { ListenAddress, NetBlockSize, PubkeyAuthOptions, RekeyLimits, Startups } from './special-values.ts';
export type { ServerConfigSystem } from './system.ts';
export { expandServerTokens, type ServerKeyTokens, type ServerTokenFacts, type TokenKeyword } from './tokens.ts';
