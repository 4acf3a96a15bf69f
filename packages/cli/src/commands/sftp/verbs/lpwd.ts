/** lpwd: the folder here. */
import { localReason } from '../words.ts';
import type { Verb } from './verb.ts';

export const lpwd: Verb = {
  names: ['lpwd'],
  run: ({ voice }) => {
    try {
      voice.say(`Local working directory: ${process.cwd()}`);
      return true;
    } catch (error) {
      voice.complain(`Couldn't get local cwd: ${localReason(error)}`);
      return false;
    }
  },
};
