/** lmkdir: makes a folder here. */
import { mkdirSync } from 'node:fs';
import { toPathBytes } from '@nacre/ssh/sftp';
import { localReason } from '../words.ts';
import { needsPath, type Verb, wordText } from './verb.ts';

export const lmkdir: Verb = {
  names: ['lmkdir'],
  completes: ['local'],
  check: needsPath,
  run: ({ voice }, call) => {
    const path = wordText(call, 0);
    try {
      mkdirSync(toPathBytes(path));
      return true;
    } catch (error) {
      voice.complain(`Couldn't create local directory "${path}": ${localReason(error)}`);
      return false;
    }
  },
};
