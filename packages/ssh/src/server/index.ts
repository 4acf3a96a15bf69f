/** @nacre/ssh/server: createServer() and what belongs to it. */
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
  ServerOptions,
  UserOptions,
  X11ForwardRequest,
} from './options.ts';
export { createServer, peerOf, SshServer } from './server.ts';
export { ServerConnection } from './server-connection.ts';
export { connectTcp, connectUnix, listenOnLoopback } from './tcp.ts';
