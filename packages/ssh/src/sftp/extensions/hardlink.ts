/** hardlink@openssh.com (PROTOCOL): a second name for a file. */
import { declareStructure, fields } from '../../wire/index.ts';
import type { SftpExtension } from './extension.ts';

const request = declareStructure('hardlink', { oldPath: fields.string, newPath: fields.string });

export const hardlink: SftpExtension<{ oldPath: Buffer; newPath: Buffer }> = {
  name: 'hardlink@openssh.com',
  version: '1',
  request,
  reply: undefined,
};
