/** ln and symlink: second names, and links that lead elsewhere. */
import type { Session } from '../session.ts';
import { reasonOf } from '../words.ts';
import { needsTwoPaths, type Verb, wordText } from './verb.ts';

export const ln: Verb = {
  names: ['ln'],
  flags: 's',
  completes: ['remote', 'remote'],
  check: needsTwoPaths,
  run: async (session, call) => {
    if (call.flags.has('s')) return makeSymlink(session, wordText(call, 0), wordText(call, 1));
    const from = await session.absolute(wordText(call, 0));
    const to = await session.absolute(wordText(call, 1));
    if (!session.sftp.extensions.has('hardlink@openssh.com')) {
      session.voice.complain('Server does not support hardlink@openssh.com extension');
      return false;
    }
    try {
      await session.sftp.link(from, to, { signal: session.signal });
      return true;
    } catch (error) {
      session.voice.complain(`remote link "${from}" to "${to}": ${reasonOf(error)}`);
      return false;
    }
  },
};

export const symlink: Verb = {
  names: ['symlink'],
  completes: ['remote', 'remote'],
  check: needsTwoPaths,
  run: (session, call) => makeSymlink(session, wordText(call, 0), wordText(call, 1)),
};

/** Where it leads to stands in the link as it was typed. */
async function makeSymlink(session: Session, target: string, name: string): Promise<boolean> {
  const path = await session.absolute(name);
  try {
    await session.sftp.symlink(target, path, { signal: session.signal });
    return true;
  } catch (error) {
    session.voice.complain(`remote symlink file "${target}" to "${path}": ${reasonOf(error)}`);
    return false;
  }
}
