/** Paths on a server as scp takes them: `~`, `~user`, patterns. */
import { expandGlob, type GlobMatch, hasGlob, type SftpClient, SftpRefusal, toPathBytes } from '@nacre/ssh/sftp';
import { shown, type Words } from './words.ts';

/** A path without a tilde in front; undefined where that means nothing there, which is told. */
export async function settlePath(sftp: SftpClient, path: string, words: Words): Promise<Buffer | undefined> {
  if (path === '' || path === '~') return Buffer.from('.');
  if (!path.startsWith('~')) return toPathBytes(path);
  const below = /^~\/+(.*)$/s.exec(path)?.[1];
  if (below !== undefined) return toPathBytes(below === '' ? '.' : below);
  try {
    return (await sftp.expandPath(toPathBytes(path))).bytes;
  } catch (error) {
    const { cause, code } = error as Error & { code?: string };
    if (cause instanceof SftpRefusal) words.error(`expand ${path}: ${cause.said || cause.words}`);
    else if (code === 'unsupported') {
      words.error('server expand-path extension is required for ~user paths in SFTP mode');
    } else throw error;
    return undefined;
  }
}

/** What a source means there: the matches of a pattern, or the path itself, which may not be there. */
export async function findSources(sftp: SftpClient, path: Buffer, words: Words): Promise<readonly GlobMatch[]> {
  const itself = { path, attributes: undefined };
  if (!hasGlob(path)) return [itself];
  const matches = await expandGlob(sftp, path, {
    onUnreadable(folder, { cause }) {
      if (!(cause instanceof SftpRefusal)) return;
      words.info(`remote readdir("${shown(folder)}/"): ${cause.words}`);
    },
  });
  if (matches.length > 0) return matches;
  // A file may bear the very characters of the pattern.
  const isThere = await sftp.lstat(path).then(
    () => true,
    (error: unknown) => {
      if ((error as Error).cause instanceof SftpRefusal) return false;
      throw error;
    },
  );
  return isThere ? [itself] : [];
}
