/** @nacre/ssh/transport: RFC 4253 without a socket. */
export {
  type AlgorithmLists,
  type AlgorithmOptions,
  defaultAlgorithms,
  kexNames,
  type NegotiatedAlgorithms,
  resolveAlgorithms,
} from './algorithms.ts';
export { compressions } from './compression.ts';
export { findHostKeyAlgorithm, hostKeyAlgorithms } from './host-key-algorithms.ts';
export type { HostKey, HostKeyVerifier } from './kex/exchange.ts';
export type { AuthLink, Clock, ConnectionLink } from './link.ts';
export type { ByteSink, ClientTransportOptions, ServerTransportOptions, TransportOptions } from './options.ts';
export { type Phase, type Role, type Verdict, verdictFor } from './phase.ts';
export type { RekeyOptions } from './rekey.ts';
export type { TransportState } from './state.ts';
export { addTraffic, noTraffic, type TransportTraffic } from './traffic.ts';
export { type ConnectionHandler, Transport } from './transport.ts';
