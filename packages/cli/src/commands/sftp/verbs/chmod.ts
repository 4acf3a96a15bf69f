/** chmod: who may do what with files on the server. */
import { setAttributes } from '../attributes.ts';
import { readNumber } from '../numbers.ts';
import { eachMatch } from '../remote-glob.ts';
import type { Verb } from './verb.ts';

export const chmod: Verb = {
  names: ['chmod'],
  flags: 'h',
  completes: [undefined, 'remote'],
  check: ({ words }) => {
    if (readNumber(words[0], 8) === undefined) return 'You must supply a numeric argument to the chmod command.';
    return words.length < 2 ? 'You must specify a path after a chmod command.' : undefined;
  },
  run: async (session, { words: [number, pattern], flags }) => {
    const mode = readNumber(number, 8) ?? 0;
    return eachMatch(session, pattern?.pattern ?? '', async (path, voice) => {
      if (!session.settings.isQuiet) voice.say(`Changing mode on ${path}`);
      return setAttributes(session, voice, path, { mode }, flags.has('h'));
    });
  },
};
