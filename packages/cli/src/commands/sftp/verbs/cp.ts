/** cp and copy: a second copy of a file on the server, made by the server where it can. */
import { type FileAttributes, fileType } from '@nacre/ssh/sftp';
import { reasonOf, refusalOf } from '../words.ts';
import { needsTwoPaths, type Verb, wordText } from './verb.ts';

export const cp: Verb = {
  names: ['copy', 'cp'],
  completes: ['remote', 'remote'],
  check: needsTwoPaths,
  run: async (session, call) => {
    const { sftp, voice, signal } = session;
    const from = await session.absolute(wordText(call, 0));
    const to = await session.absolute(wordText(call, 1));
    let there: FileAttributes;
    try {
      there = await sftp.stat(from, { signal });
    } catch (error) {
      voice.complain(`stat remote: ${reasonOf(error)}`);
      return false;
    }
    const type = fileType(there);
    if (type !== undefined && type !== 'file') {
      voice.complain(`Cannot copy non-regular file: ${from}`);
      return false;
    }
    try {
      await sftp.fs.copyFile(from, to, { signal });
      return true;
    } catch (error) {
      const { operation, path, reason } = refusalOf(error);
      const isOpen = operation === 'open';
      voice.complain(
        isOpen ? `remote open("${path}"): ${reason}` : `Couldn't copy file "${from}" to "${to}": ${reason}`,
      );
      return false;
    }
  },
};
