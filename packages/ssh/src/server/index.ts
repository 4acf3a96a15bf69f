/** @nacre/ssh/server: createServer() and what belongs to it. */
export * from './file-systems/index.ts';
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
} from './options.ts';
export { createServer, peerOf, SshServer } from './server.ts';
export { ServerConnection } from './server-connection.ts';
export { serveSftp } from './sftp.ts';
export { connectTcp, connectUnix, listenOnLoopback } from './tcp.ts';
