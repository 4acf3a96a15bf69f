/** @nacre/ssh/server: createServer() and what belongs to it. */
export { LoginEnd } from '../auth/index.ts';
export { releaseMemory } from '../io/index.ts';
export type { ConnectionFacts, KeyFacts, LoginFacts } from './connection-facts.ts';
export * from './file-systems/index.ts';
export {
  Handshake,
  type HandshakeFacts,
  linkOf,
  type ResumedClient,
  type ResumeSettings,
  resumeClient,
} from './hand-over.ts';
export {
  formatXauthCommands,
  type ListeningDisplay,
  listenAgentSocket,
  listenOnSocket,
  listenX11,
  type X11ListenOptions,
} from './lent-sockets.ts';
export type {
  AgentForwardRequest,
  Authenticate,
  Closable,
  Decision,
  ForwardedAgent,
  ForwardedDisplay,
  ForwardRequest,
  Listening,
  ListenRequest,
  ListenUnixRequest,
  Peer,
  Program,
  ProgramIo,
  Refusal,
  ServerOptions,
  Serving,
  TransportSettings,
  TunnelEnd,
  TunnelRequest,
  UserOptions,
  X11ForwardRequest,
} from './options.ts';
export type { SeenPeer } from './peer.ts';
export { type ProxyOutcome, takeProxyHeader } from './proxied.ts';
export { type ProxiedEnds, type ProxyHeader, readProxyHeader } from './proxy-protocol.ts';
export { asServerError, type DecidedLogin, decideLogin, startGrace } from './serve.ts';
export { createServer, type OpenPort, peerOf, type ServedConnection, type ServerTotals, SshServer } from './server.ts';
export { ServerConnection, type ServerLogin } from './server-connection.ts';
export { serveSftp } from './sftp.ts';
export { connectTcp, connectTcpAmong, connectUnix, listenOnLoopback } from './tcp.ts';
