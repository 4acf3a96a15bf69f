/** READDIR (draft §6.7): the next names of a listing, as many as fit a message. */
import * as messages from '../../messages.ts';
import { statusCodes } from '../../status.ts';
import { fileAccess } from '../access.ts';
import { whenThere } from '../awaitable.ts';
import type { Awaitable, DirectoryEntry } from '../file-system.ts';
import type { OpenDirectory } from '../handles.ts';
import { formatLongName } from '../long-name.ts';
import { namesReply, toWireAttributes } from '../reply.ts';
import type { ServerSession } from '../session.ts';
import { failure, messageRequest } from './request.ts';

/** What clients with small memories take (libssh2 of before 1.5: 40,000 bytes); every message is a round trip to most clients. */
const maxNamesBytes = 32 * 1024;
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
    const made = toName(entry, session, now);
    const line = made instanceof Promise ? await made : made;
    bytes += entryHeadBytes + line.name.length + line.longName.length;
    if (bytes > maxNamesBytes && names.length > 0) {
      directory.left.push(...left.slice(index));
      break;
    }
    names.push(line);
  }
  return names;
}

function toName(entry: DirectoryEntry, session: ServerSession, now: number): Awaitable<messages.NameEntry> {
  const { name, links = 1 } = entry;
  const attributes = toWireAttributes(entry.attributes);
  const { uid, gid } = attributes.owner ?? { uid: 0, gid: 0 };
  return whenThere(session.userName(uid), (user) =>
    whenThere(session.groupName(gid), (group) => {
      return { name, attributes, longName: formatLongName({ name, attributes, links, user, group, now }) };
    }),
  );
}
