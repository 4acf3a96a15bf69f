/** Which files here a pattern means: sorted by their bytes, folders with a slash behind them. */
import { lstatSync, readdirSync, statSync } from 'node:fs';
import { hasGlob, matchGlob, toPathBytes, toText } from '@nacre/ssh/sftp';
import { joinNames } from './paths.ts';
import { unquotePattern } from './remote-glob.ts';

/** Where nothing matches, the pattern itself. */
export function findLocalMatches(pattern: string): string[] {
  const found = hasGlob(pattern) ? expand(pattern) : [];
  const paths = found.length === 0 ? [unquotePattern(pattern)] : found;
  return paths.map((path) => (isFolder(path) && !path.endsWith('/') ? `${path}/` : path));
}

function expand(pattern: string): string[] {
  let found = [pattern.startsWith('/') ? '/' : ''];
  const parts = pattern.split('/').filter((part) => part !== '');
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    found = found.flatMap((folder) => (hasGlob(part) ? matchesIn(folder, part) : [joinNames(folder, part)]));
    if (!isLast) found = found.filter(isFolder);
  }
  return found.filter(isThere).sort((a, b) => Buffer.compare(toPathBytes(a), toPathBytes(b)));
}

/** Folders that cannot be read hold nothing. */
function matchesIn(folder: string, part: string): string[] {
  const pattern = toPathBytes(part);
  try {
    const names = readdirSync(toPathBytes(folder === '' ? '.' : folder), { encoding: 'buffer' });
    return names.filter((name) => matchGlob(pattern, name)).map((name) => joinNames(folder, toText(name)));
  } catch {
    return [];
  }
}

/** A link that leads nowhere is there as well, and told of when it is opened. */
function isThere(path: string): boolean {
  try {
    lstatSync(toPathBytes(path));
    return true;
  } catch {
    return false;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(toPathBytes(path)).isDirectory();
  } catch {
    return false;
  }
}
