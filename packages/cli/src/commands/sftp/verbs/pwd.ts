/** pwd: the folder on the server. */
import type { Verb } from './verb.ts';

export const pwd: Verb = {
  names: ['pwd'],
  run: ({ voice, folder }) => {
    voice.say(`Remote working directory: ${folder}`);
    return true;
  },
};
