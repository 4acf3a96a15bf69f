/** @nacre/ssh/sftp/server: files for sftp clients, over any stream. */
export { whenThere } from './awaitable.ts';
export { type FileErrorCode, fileError, systemCode } from './failure.ts';
export type {
  AccountNames,
  Awaitable,
  DirectoryEntry,
  DirectoryHandle,
  FileHandle,
  FileSystem,
  OpenRequest,
} from './file-system.ts';
export { type SftpLog, type SftpLogLevel, sftpLogLevels } from './log.ts';
export { formatMode } from './long-name.ts';
export type { SftpServerOptions, SftpServerSink } from './options.ts';
export { serverRequests } from './requests/table.ts';
export { runSftpServer, type SftpServerStream } from './run.ts';
export { SftpServer } from './server.ts';
