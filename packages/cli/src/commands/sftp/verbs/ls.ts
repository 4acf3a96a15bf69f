/** ls: lists folders and files of the server. */
import { type FileAttributes, fileType, toText } from '@nacre/ssh/sftp';
import { expandBraces } from '../listing/braces.ts';
import { type Entry, type ListingStyle, sortEntries, styleOf } from '../listing/style.ts';
import { shownColumns, tellEntries } from '../listing/tell.ts';
import { joinNames, withoutFolder } from '../paths.ts';
import { findMatches, type Match } from '../remote-glob.ts';
import type { Session } from '../session.ts';
import { reasonOf } from '../words.ts';
import type { Verb } from './verb.ts';

export const ls: Verb = {
  names: ['ls', 'dir'],
  flags: '1Safhlnrt',
  completes: ['remote'],
  run: async (session, { flags, words: [word] }) => {
    const style = styleOf(flags);
    if (word === undefined) {
      await listFolder(session, session.folder, session.folder, style);
      return true;
    }
    return listPattern(session, word.pattern, style);
  },
};

async function listPattern(session: Session, typed: string, style: ListingStyle): Promise<boolean> {
  const front = typed.startsWith('/') ? undefined : session.folder;
  const pattern = await session.absolutePattern(typed);
  const matches: Match[] = [];
  for (const one of expandBraces(pattern)) matches.push(...(await findMatches(session, one, true)));
  const [first] = matches;
  if (first === undefined) {
    session.voice.complain(`Can't ls: "${pattern}" not found`);
    return false;
  }
  if (matches.length === 1 && fileType(first.attributes) === 'directory') {
    return listFolder(session, first.path, front, style);
  }
  const entries = matches.map(({ path, attributes }) => ({ name: withoutFolder(path, front), attributes }));
  const widest = Math.max(...matches.map(({ path }) => shownColumns(path)));
  await tellEntries(session, sortEntries(entries, style), style, widest);
  return true;
}

async function listFolder(
  session: Session,
  folder: string,
  front: string | undefined,
  style: ListingStyle,
): Promise<boolean> {
  const { sftp, signal, voice } = session;
  // The same before every name.
  const before = withoutFolder(joinNames(folder, ''), front);
  const entries: Entry[] = [];
  try {
    for await (const { bytes, text, attributes, longName } of sftp.readdir(folder, { signal })) {
      const name = text ?? toText(bytes);
      if (style.showsAll || !name.startsWith('.')) entries.push({ name, attributes, longName });
    }
  } catch (error) {
    const reason = reasonOf(error);
    if (!signal.aborted) voice.complain(`remote readdir("${folder}"): ${reason}`);
    return false;
  }
  if (style.showsAll) entries.unshift(...(await ownEntries(session, folder)));
  const sorted = sortEntries(entries, style);
  const shown = before === '' ? sorted : sorted.map((entry) => ({ ...entry, name: before + entry.name }));
  let widest = 0;
  if (style.view === 'columns') {
    for (const { name } of entries) widest = Math.max(widest, shownColumns(name));
    widest += shownColumns(withoutFolder(folder, front));
  }
  await tellEntries(session, shown, style, widest);
  return true;
}

/** `.` and `..`, which the library leaves out of listings. */
async function ownEntries({ sftp, signal }: Session, folder: string): Promise<Entry[]> {
  const names = ['.', '..'];
  const known = await Promise.all(
    names.map((name) =>
      sftp.stat(joinNames(folder, name), { signal }).catch((): FileAttributes => ({ mode: 0o040000 })),
    ),
  );
  return names.map((name, at) => ({ name, attributes: known[at] as FileAttributes }));
}
