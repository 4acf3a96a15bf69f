/** @nacre/ssh/server: createServer() and what belongs to it. */
export { type LocalFileSystemOptions, localFileSystem } from './file-systems/local.ts';
export { type MemoryFileSystemOptions, memoryFileSystem } from './file-systems/memory.ts';
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
