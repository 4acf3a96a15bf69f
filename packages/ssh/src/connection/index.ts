/** @nacre/ssh/connection: RFC 4254, channels and requests in both roles. */

export { Channel } from './channel.ts';
export {
  type ChannelFacts,
  type ChannelSubject,
  formatEndpoint,
  type SessionSubject,
  type TunnelSubject,
} from './channel-facts.ts';
export type { ChannelRelay, RelayedOpen } from './channel-relay.ts';
export type { ChannelSink, ChannelState } from './channel-sink.ts';
export { ChannelStream, type ChannelStreamOptions } from './channel-stream.ts';
export type { ChannelTimeout } from './channel-timeouts.ts';
export { agentConnect } from './channels/agent-connect.ts';
export { authAgentOpenssh } from './channels/auth-agent-openssh.ts';
export { directStreamlocalOpenssh } from './channels/direct-streamlocal-openssh.ts';
export { directTcpip } from './channels/direct-tcpip.ts';
export { forwardedStreamlocalOpenssh } from './channels/forwarded-streamlocal-openssh.ts';
export { forwardedTcpip } from './channels/forwarded-tcpip.ts';
export { session } from './channels/session.ts';
export { channelTypes } from './channels/table.ts';
export { anyTunnelUnit, largestTunnelUnit, type TunnelMode, tunnelModes, tunOpenssh } from './channels/tun-openssh.ts';
export { x11 } from './channels/x11.ts';
export { Connection, type OpenOptions } from './connection.ts';
export type { ConnectionLimits, ConnectionOptions } from './connection-options.ts';
export { allFeatures, forwardingFeatures, isPermitted } from './deny-all.ts';
export type { Feature, FeatureRow } from './feature.ts';
export { cancelStreamlocalForwardOpenssh } from './global-requests/cancel-streamlocal-forward-openssh.ts';
export { cancelTcpipForward } from './global-requests/cancel-tcpip-forward.ts';
export { hostKeyProofs, hostkeysOpenssh, hostkeysProveOpenssh } from './global-requests/hostkeys-openssh.ts';
export { keepalive } from './global-requests/keepalive.ts';
export { noMoreSessions } from './global-requests/no-more-sessions.ts';
export { streamlocalForwardOpenssh } from './global-requests/streamlocal-forward-openssh.ts';
export { globalRequests } from './global-requests/table.ts';
export { allocatedPort, tcpipForward } from './global-requests/tcpip-forward.ts';
export {
  announceHostKeys,
  hostKeyProver,
  isHostKeyProof,
  proveHostKeys,
  type RotationFacts,
  readAnnouncedHostKeys,
} from './host-key-rotation.ts';
export type { AcceptOptions, ChannelOpenHandler, IncomingOpen } from './incoming-open.ts';
export type { KeepaliveOptions } from './keepalive.ts';
export { defaultKeystrokeIntervalMs } from './keystroke-pacer.ts';
export { connectionMessages, openFailureReasons } from './messages.ts';
export type { OpenRefusal } from './opening-channels.ts';
export { PacketTunnel } from './packet-tunnel.ts';
export type { Answer, IncomingRequest, RequestHandler } from './request-queue.ts';
export { agentReq } from './requests/agent-req.ts';
export { authAgentReqOpenssh } from './requests/auth-agent-req-openssh.ts';
export { eowOpenssh } from './requests/eow-openssh.ts';
export { type SignalName, signalNames } from './requests/signal.ts';
export { channelRequests } from './requests/table.ts';
export {
  decodeTerminalModes,
  encodeTerminalModes,
  type TerminalModeName,
  type TerminalModes,
  terminalModeOpcodes,
} from './requests/terminal-modes.ts';
export { x11Req } from './requests/x11-req.ts';
export type { Sent } from './send-queue.ts';
export {
  ClientSession,
  openSession,
  type PtyOptions,
  type SessionExit,
  type SessionOptions,
  type TerminalSize,
} from './session-client.ts';
export { type PtyRequest, ServerSession, type SessionHandler, type SessionStart } from './session-server.ts';
export { decodeTunnelPacket, encodeTunnelPacket } from './tunnel-packets.ts';
