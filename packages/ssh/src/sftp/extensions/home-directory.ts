/** home-directory (draft-ietf-secsh-filexfer-extensions-00 §5): where a user's files are. */
import { declareStructure, fields } from '../../wire/index.ts';
import type { SftpExtension } from './extension.ts';

const request = declareStructure('home-directory', { user: fields.string });

export const homeDirectory: SftpExtension<{ user: Buffer }> = {
  name: 'home-directory',
  version: '1',
  request,
  reply: undefined,
  answersName: true,
};
