/** @nacre/ssh/sftp: files on a server, over any stream. */

export { type ExtendedAttribute, type FileAttributes, type FileType, fileType } from './attributes.ts';
export { Budget } from './budget.ts';
export type { OpenFileOptions, OpenMode, SftpCalls } from './calls.ts';
export { SftpClient, type StartSftpOptions, startSftp } from './client.ts';
export type { SftpEntry } from './directory.ts';
export type { FileSystemStatus } from './extensions/statvfs.ts';
export { sftpExtensions } from './extensions/table.ts';
export { type CopyRange, type DigestRange, SftpFile } from './file.ts';
export { type FileData, type ReadWholeOptions, SftpFileHandle, type Time } from './fs/file-handle.ts';
export { SftpFileSystem, type WriteFileOptions } from './fs/file-system.ts';
export type { OpenFlag } from './fs/flags.ts';
export { SftpDirent, SftpStats } from './fs/stats.ts';
export { type ReadStreamOptions, SftpReadStream, SftpWriteStream, type WriteStreamOptions } from './fs/streams.ts';
export { expandGlob, type GlobMatch, type GlobOptions, hasGlob, matchGlob } from './glob.ts';
export { type NameEntry, openFlags, sftpMessages, sftpVersion } from './messages.ts';
export { type SftpName, type SftpPath, toPathBytes, toText } from './name.ts';
export { SftpOpening } from './opening.ts';
export { joinPath, lastName, parentPath } from './paths.ts';
export type { PipelinedReader, ReadChunk, ReadRange } from './pipelined-reader.ts';
export type { PipelinedWriter, WriteFrame, WriteOptions } from './pipelined-writer.ts';
export { Places } from './places.ts';
export type { CallOptions } from './requests.ts';
export { formatFileTime, formatMode } from './server/long-name.ts';
export type { TransferLimits } from './session.ts';
export { SftpRefusal, statusCodes } from './status.ts';
export type { SftpStream } from './stream.ts';
