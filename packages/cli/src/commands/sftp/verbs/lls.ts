/** lls: lists a folder here, by the system's ls. */
import { runShell } from './shell.ts';
import type { Verb } from './verb.ts';

export const lls: Verb = {
  names: ['lls'],
  takesLine: true,
  completes: ['local'],
  run: async ({ voice }, { rest }) => {
    await runShell(voice, rest === '' ? 'ls' : `ls ${rest}`);
    return true;
  },
};
