/** cd: another folder on the server; back to the first one without a path. */
import { type FileAttributes, fileType, toText } from '@nacre/ssh/sftp';
import type { Session } from '../session.ts';
import { reasonOf } from '../words.ts';
import { type Verb, wordText } from './verb.ts';

export const cd: Verb = {
  names: ['cd', 'chdir'],
  completes: ['remote'],
  run: async (session, call) => changeFolder(session, wordText(call, 0)),
};

/** Goes to a folder of the server's; false where that cannot be done, which is told. */
export async function changeFolder(session: Session, path: string): Promise<boolean> {
  const { sftp, voice, signal } = session;
  const wanted = path === '' ? session.startFolder : await session.absolute(path);
  let real: string;
  try {
    real = toText((await sftp.realpath(wanted, { signal })).bytes);
  } catch (error) {
    voice.complain(`realpath ${wanted}: ${reasonOf(error)}`);
    return false;
  }
  let there: FileAttributes;
  try {
    there = await sftp.stat(real, { signal });
  } catch (error) {
    voice.complain(`stat remote: ${reasonOf(error)}`);
    return false;
  }
  const type = fileType(there);
  if (type !== 'directory') {
    voice.complain(
      type === undefined
        ? "Can't change directory: Can't check target"
        : `Can't change directory: "${real}" is not a directory`,
    );
    return false;
  }
  session.folder = real;
  return true;
}
