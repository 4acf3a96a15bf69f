/** fstatvfs@openssh.com (PROTOCOL): the file system that an open file is on. */
import { declareStructure, fields } from '../../wire/index.ts';
import type { SftpExtension } from './extension.ts';
import { type FileSystemStatus, statvfs } from './statvfs.ts';

const request = declareStructure('fstatvfs', { handle: fields.string });

export const fstatvfs: SftpExtension<{ handle: Buffer }, FileSystemStatus> = {
  name: 'fstatvfs@openssh.com',
  version: '2',
  request,
  reply: statvfs.reply,
};
