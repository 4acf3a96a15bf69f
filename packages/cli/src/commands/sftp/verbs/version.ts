/** version: of the protocol. */
import { sftpVersion } from '@nacre/ssh/sftp';
import type { Verb } from './verb.ts';

export const version: Verb = {
  names: ['version'],
  run: ({ voice }) => {
    voice.say(`SFTP protocol version ${sftpVersion}`);
    return true;
  },
};
