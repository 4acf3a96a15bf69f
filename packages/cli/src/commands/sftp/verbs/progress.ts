/** progress: shows how far transfers are, or no longer. */
import type { Verb } from './verb.ts';

export const progress: Verb = {
  names: ['progress'],
  run: (session) => {
    session.showsProgress = !session.showsProgress;
    session.voice.say(`Progress meter ${session.showsProgress ? 'enabled' : 'disabled'}`);
    return true;
  },
};
