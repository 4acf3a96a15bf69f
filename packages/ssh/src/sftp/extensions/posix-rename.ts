/** posix-rename@openssh.com (PROTOCOL): a rename that replaces what bears the new name. */
import { declareStructure, fields } from '../../wire/index.ts';
import type { SftpExtension } from './extension.ts';

const request = declareStructure('posix-rename', { oldPath: fields.string, newPath: fields.string });

export const posixRename: SftpExtension<{ oldPath: Buffer; newPath: Buffer }> = {
  name: 'posix-rename@openssh.com',
  version: '1',
  request,
  reply: undefined,
};
