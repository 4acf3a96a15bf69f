/** fsync@openssh.com (PROTOCOL): what was written is on the disk when the answer comes. */
import { declareStructure, fields } from '../../wire/index.ts';
import type { SftpExtension } from './extension.ts';

const request = declareStructure('fsync', { handle: fields.string });

export const fsync: SftpExtension<{ handle: Buffer }> = {
  name: 'fsync@openssh.com',
  version: '1',
  request,
  reply: undefined,
};
