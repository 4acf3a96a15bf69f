/** READDIR (draft §6.7): the next names of a listing, as many as fit a message. */
import { maxSftpMessageBytes } from '../../../limits.ts';
import * as messages from '../../messages.ts';
import { statusCodes } from '../../status.ts';
import { fileAccess } from '../access.ts';
import type { DirectoryEntry } from '../file-system.ts';
import type { OpenDirectory } from '../handles.ts';
import { formatLongName } from '../long-name.ts';
import { namesReply, toWireAttributes } from '../reply.ts';
import type { ServerSession } from '../session.ts';
import { failure, messageRequest } from './request.ts';

/** Lengths and attributes of an entry, at most. */
const entryHeadBytes = 4 + 4 + 4 + 8 + 8 + 4 + 8;

export const readdir = messageRequest('readdir', messages.readdir, ({ handle }, session, id) => {
  const directory = session.handles.get(handle);
  if (directory?.kind !== 'directory') return failure;
  session.logPaths(
    'debug1',
    (name) => `request ${id}: readdir ${name} (handle ${handle.toString('hex')})`,
    directory.path,
  );
  return {
    // Each reading goes on where the last one ended.
    access: fileAccess(directory, true),
    run: async () => {
      const names = await nextNames(directory, session);
      if (names.length === 0) return statusCodes.eof;
      session.log('debug1', `request ${id}: sent names count ${names.length}`);
      return namesReply(names);
    },
  };
});

async function nextNames(directory: OpenDirectory, session: ServerSession): Promise<messages.NameEntry[]> {
  const names: messages.NameEntry[] = [];
  let bytes = 1 + 4 + 4;
  const now = Math.floor((session.options.now?.() ?? Date.now()) / 1000);
  const left = directory.left.splice(0);
  // A batch in which everything had vanished meanwhile is not the end.
  while (left.length === 0) {
    const read = await directory.handle.read();
    if (read === undefined) return names;
    left.push(...read);
  }
  for (const [index, entry] of left.entries()) {
    const line = await toName(entry, session, now);
    bytes += entryHeadBytes + line.name.length + line.longName.length;
    if (bytes > maxSftpMessageBytes && names.length > 0) {
      directory.left.push(...left.slice(index));
      break;
    }
    names.push(line);
  }
  return names;
}

async function toName(entry: DirectoryEntry, session: ServerSession, now: number): Promise<messages.NameEntry> {
  const { name, links = 1 } = entry;
  const attributes = toWireAttributes(entry.attributes);
  const { uid, gid } = attributes.owner ?? { uid: 0, gid: 0 };
  const [user, group] = [await session.userName(uid), await session.groupName(gid)];
  return { name, attributes, longName: formatLongName({ name, attributes, links, user, group, now }) };
}
