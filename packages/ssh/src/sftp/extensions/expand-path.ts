/** expand-path@openssh.com (PROTOCOL): realpath that knows `~` and `~user` as a shell does. */
import { declareStructure, fields } from '../../wire/index.ts';
import type { SftpExtension } from './extension.ts';

const request = declareStructure('expand-path', { path: fields.string });

export const expandPath: SftpExtension<{ path: Buffer }> = {
  name: 'expand-path@openssh.com',
  version: '1',
  request,
  reply: undefined,
  answersName: true,
};
