/** rename: another name on the server. */
import { reasonOf } from '../words.ts';
import { needsTwoPaths, type Verb, wordText } from './verb.ts';

export const rename: Verb = {
  names: ['rename'],
  flags: 'l',
  completes: ['remote', 'remote'],
  check: needsTwoPaths,
  run: async (session, call) => {
    const from = await session.absolute(wordText(call, 0));
    const to = await session.absolute(wordText(call, 1));
    try {
      // -l: by the protocol's own request, which replaces nothing.
      await session.sftp.rename(from, to, { signal: session.signal, replaces: !call.flags.has('l') });
      return true;
    } catch (error) {
      session.voice.complain(`remote rename "${from}" to "${to}": ${reasonOf(error)}`);
      return false;
    }
  },
};
