/** Which files of the server a pattern means, as sftp's commands take it. */
import { expandGlob, type FileAttributes, fileType, hasGlob, toText } from '@nacre/ssh/sftp';
import type { Session } from './session.ts';
import { doInOrder } from './transfers/in-order.ts';
import type { Voice } from './voice.ts';
import { reasonOf } from './words.ts';

export interface Match {
  /** A folder's ends with a slash, where that was asked for. */
  readonly path: string;
  readonly attributes: FileAttributes;
}

/** The files that are there, sorted. @param marks - links are followed, and folders get a slash behind them. */
export async function findMatches(session: Session, pattern: string, marks: boolean): Promise<Match[]> {
  const { sftp, signal, voice } = session;
  const found = await expandGlob(sftp, pattern, {
    signal,
    onUnreadable: (folder, error) => {
      const path = folder.length === 0 ? '.' : toText(folder);
      voice.complain(`remote readdir("${path.endsWith('/') ? path : `${path}/`}"): ${reasonOf(error)}`);
    },
  });
  const matches = await Promise.all(
    found.map(async ({ path, attributes }): Promise<Match[]> => {
      const text = toText(path);
      const known = attributes ?? (await session.look('lstat', text).catch(() => undefined));
      if (known === undefined) return [];
      const facts = marks ? await followed(session, text, known) : known;
      return [{ path: marks && fileType(facts) === 'directory' ? withSlash(text) : text, attributes: facts }];
    }),
  );
  signal.throwIfAborted();
  return matches.flat();
}

/**
 * Does something with each file that a pattern means, or with the pattern itself where it means none.
 *
 * @returns whether all went well. In a batch the first failure is the end of it; else many are done at the same time.
 */
export async function eachMatch(
  session: Session,
  typed: string,
  work: (path: string, voice: Voice) => Promise<boolean>,
): Promise<boolean> {
  const { sftp, signal, voice, stopsAtFailure } = session;
  const pattern = await session.absolutePattern(typed);
  const found = hasGlob(pattern) ? await expandGlob(sftp, pattern, { signal }) : [];
  const paths = found.length === 0 ? [unquotePattern(pattern)] : found.map(({ path }) => toText(path));
  if (!stopsAtFailure) {
    return doInOrder(
      session,
      paths.map((path) => ({ isSmall: true, target: path, work: (heard) => work(path, heard) })),
      'held',
    );
  }
  for (const path of paths) {
    signal.throwIfAborted();
    if (!(await work(path, voice))) return false;
  }
  return true;
}

/** What a pattern says where it is taken as it is. */
export function unquotePattern(pattern: string): string {
  return pattern.replace(/\\([\\*?[])/g, '$1');
}

/** Of what a link leads to; of the link itself where it leads nowhere. */
async function followed({ sftp, signal }: Session, path: string, attributes: FileAttributes): Promise<FileAttributes> {
  if (fileType(attributes) !== 'symlink') return attributes;
  return sftp.stat(path, { signal }).catch(() => attributes);
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}
