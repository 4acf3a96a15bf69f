/** mkdir: makes a folder on the server. */
import { reasonOf } from '../words.ts';
import { needsPath, type Verb, wordText } from './verb.ts';

export const mkdir: Verb = {
  names: ['mkdir'],
  completes: ['remote'],
  check: needsPath,
  run: async (session, call) => {
    const path = await session.absolute(wordText(call, 0));
    try {
      await session.sftp.mkdir(path, { mode: 0o777 }, { signal: session.signal });
      return true;
    } catch (error) {
      session.voice.complain(`remote mkdir "${path}": ${reasonOf(error)}`);
      return false;
    }
  },
};
