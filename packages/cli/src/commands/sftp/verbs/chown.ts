/** chown and chgrp: whose the files on the server are. */
import type { FileAttributes } from '@nacre/ssh/sftp';
import { setAttributes } from '../attributes.ts';
import { readNumber } from '../numbers.ts';
import { eachMatch } from '../remote-glob.ts';
import type { Session } from '../session.ts';
import { reasonOf } from '../words.ts';
import type { Call, Verb } from './verb.ts';

export const chown: Verb = verbOf('chown', 'owner', (uid, { gid }) => ({ uid, gid }));
export const chgrp: Verb = verbOf('chgrp', 'group', (gid, { uid }) => ({ uid, gid }));

type Owner = Required<FileAttributes>['owner'];

function verbOf(name: string, what: string, change: (id: number, owner: Owner) => Owner): Verb {
  return {
    names: [name],
    flags: 'h',
    completes: [undefined, 'remote'],
    check: ({ words }) => {
      if (readNumber(words[0], 10) === undefined) return `You must supply a numeric argument to the ${name} command.`;
      return words.length < 2 ? `You must specify a path after a ${name} command.` : undefined;
    },
    run: (session, call) => changeOwners(session, call, what, change),
  };
}

/** The protocol sets owner and group together: the one that stays has to be asked for. */
function changeOwners(
  session: Session,
  { words: [number, pattern], flags }: Call,
  what: string,
  change: (id: number, owner: Owner) => Owner,
): Promise<boolean> {
  const { sftp, signal } = session;
  const id = readNumber(number, 10) ?? 0;
  const isOfLink = flags.has('h');
  return eachMatch(session, pattern?.pattern ?? '', async (path, voice) => {
    let owner: Owner | undefined;
    try {
      ({ owner } = await (isOfLink ? sftp.lstat(path, { signal }) : sftp.stat(path, { signal })));
    } catch (error) {
      voice.complain(`stat remote: ${reasonOf(error)}`);
      return false;
    }
    if (owner === undefined) {
      voice.complain(`Can't get current ownership of remote file "${path}"`);
      return false;
    }
    if (!session.settings.isQuiet) voice.say(`Changing ${what} on ${path}`);
    return setAttributes(session, voice, path, { owner: change(id, owner) }, isOfLink);
  });
}
