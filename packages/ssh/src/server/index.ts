/** @nacre/ssh/server: createServer() and what belongs to it. */

export type { ConnectionFacts, KeyFacts, LoginFacts } from './connection-facts.ts';
export * from './file-systems/index.ts';
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
  TunnelEnd,
  TunnelRequest,
  UserOptions,
  X11ForwardRequest,
} from './options.ts';
export { createServer, peerOf, type ServedConnection, type ServerTotals, SshServer } from './server.ts';
export { ServerConnection } from './server-connection.ts';
export { serveSftp } from './sftp.ts';
export { connectTcp, connectUnix, listenOnLoopback } from './tcp.ts';
