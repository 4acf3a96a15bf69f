/** lumask: which rights files that are made here do not get. */
import { readNumber } from '../numbers.ts';
import { type Verb, wordText } from './verb.ts';

export const lumask: Verb = {
  names: ['lumask'],
  flags: 'h',
  check: (call) =>
    readNumber(call.words[0], 8) === undefined
      ? 'You must supply a numeric argument to the lumask command.'
      : undefined,
  run: ({ voice }, call) => {
    const mask = Number.parseInt(wordText(call, 0), 8);
    process.umask(mask & 0o777);
    voice.say(`Local umask: ${mask.toString(8).padStart(3, '0')}`);
    return true;
  },
};
