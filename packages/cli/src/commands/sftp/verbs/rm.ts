/** rm: removes files on the server. */
import { eachMatch } from '../remote-glob.ts';
import { reasonOf } from '../words.ts';
import { needsPath, type Verb } from './verb.ts';

export const rm: Verb = {
  names: ['rm'],
  completes: ['remote'],
  check: needsPath,
  run: async (session, { words: [word] }) =>
    eachMatch(session, word?.pattern ?? '', async (path, voice) => {
      const { sftp, settings, signal } = session;
      if (!settings.isQuiet) voice.say(`Removing ${path}`);
      try {
        await sftp.remove(path, { signal });
        return true;
      } catch (error) {
        voice.complain(`remote delete ${path}: ${reasonOf(error)}`);
        return false;
      }
    }),
};
