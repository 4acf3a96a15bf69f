/** lcd: another folder here; home without a path. */
import { userInfo } from 'node:os';
import { localReason } from '../words.ts';
import { type Verb, wordText } from './verb.ts';

export const lcd: Verb = {
  names: ['lcd', 'lchdir'],
  completes: ['local'],
  run: async ({ voice }, call) => {
    const path = await expandHome(wordText(call, 0) || '~');
    if (path === undefined) {
      voice.complain(`No such user ${wordText(call, 0).slice(1).replace(/\/.*$/s, '')}`);
      return false;
    }
    try {
      process.chdir(path);
      return true;
    } catch (error) {
      voice.complain(`Couldn't change local directory to "${path}": ${localReason(error)}`);
      return false;
    }
  },
};

/** `~` and `~user` as a shell has them; undefined for a user whom nobody knows. */
async function expandHome(path: string): Promise<string | undefined> {
  const [whole, user = ''] = /^~([^/]*)/.exec(path) ?? [];
  if (whole === undefined) return path;
  const home = user === '' ? userInfo().homedir : (await import('../../../os/accounts.ts')).findAccount(user)?.home;
  return home === undefined ? undefined : home + path.slice(whole.length);
}
