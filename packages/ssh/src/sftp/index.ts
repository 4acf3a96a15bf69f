/** @nacre/ssh/sftp: files on a server, over any stream. */

export { type ExtendedAttribute, type FileAttributes, type FileType, fileType } from './attributes.ts';
export { type OpenFileOptions, type OpenMode, SftpClient, type StartSftpOptions, startSftp } from './client.ts';
export type { SftpEntry } from './directory.ts';
export type { FileSystemStatus } from './extensions/statvfs.ts';
export { sftpExtensions } from './extensions/table.ts';
export { SftpFile } from './file.ts';
export { type NameEntry, openFlags, sftpMessages, sftpVersion } from './messages.ts';
export type { SftpName, SftpPath } from './name.ts';
export type { CallOptions } from './requests.ts';
export type { TransferLimits } from './session.ts';
export { statusCodes } from './status.ts';
export type { SftpStream } from './stream.ts';
