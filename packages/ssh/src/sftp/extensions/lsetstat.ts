/** lsetstat@openssh.com (PROTOCOL): attributes of a link itself. */
import { declareStructure, fields } from '../../wire/index.ts';
import { attributesField, type FileAttributes } from '../attributes.ts';
import type { SftpExtension } from './extension.ts';

const request = declareStructure('lsetstat', { path: fields.string, attributes: attributesField });

export const lsetstat: SftpExtension<{ path: Buffer; attributes: FileAttributes }> = {
  name: 'lsetstat@openssh.com',
  version: '1',
  request,
  reply: undefined,
};
