/** @nacre/ssh/server: createServer() and what belongs to it. */
export type {
  Authenticate,
  Decision,
  ForwardRequest,
  Listening,
  ListenRequest,
  Peer,
  Program,
  ProgramIo,
  ServerOptions,
  UserOptions,
} from './options.ts';
export { createServer, peerOf, SshServer } from './server.ts';
export { ServerConnection } from './server-connection.ts';
export { connectTcp, connectUnix, listenOnLoopback } from './tcp.ts';
