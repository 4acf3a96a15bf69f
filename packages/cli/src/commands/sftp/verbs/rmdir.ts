/** rmdir: removes an empty folder on the server. */
import { reasonOf } from '../words.ts';
import { needsPath, type Verb, wordText } from './verb.ts';

export const rmdir: Verb = {
  names: ['rmdir'],
  completes: ['remote'],
  check: needsPath,
  run: async (session, call) => {
    const path = await session.absolute(wordText(call, 0));
    try {
      await session.sftp.rmdir(path, { signal: session.signal });
      return true;
    } catch (error) {
      session.voice.complain(`remote rmdir "${path}": ${reasonOf(error)}`);
      return false;
    }
  },
};
