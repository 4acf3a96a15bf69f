/** @nacre/ssh/mux: OpenSSH's multiplexing protocol (PROTOCOL.mux, version 4) in both roles, without sockets. */
export { MuxClientSession } from './client-session.ts';
export {
  decodeMuxForward,
  describeForward,
  encodeMuxForward,
  type MuxForward,
  type MuxListen,
  type MuxTarget,
} from './forward.ts';
export { FrameReader } from './frame-reader.ts';
export { FrameWriter } from './frame-writer.ts';
export {
  type MuxInfoSubject,
  type MuxMasterHandlers,
  MuxMasterSession,
  type MuxQuestion,
  muxRefusal,
} from './master-session.ts';
export { muxMessages, muxVersion } from './messages.ts';
export type {
  PassedDescriptors,
  Passenger,
  PassengerForward,
  PassengerHandlers,
  PassengerSession,
} from './passenger.ts';
export type { ProxyLink } from './proxy-link.ts';
export { rekeyRequest } from './proxy-relay.ts';
