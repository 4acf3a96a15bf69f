/** Paths by pattern, as Include of the configuration names them: `*`, `?` and `[a-z]`, a folder at a time. */
import { readdirSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { SshError } from '../errors.ts';
import { hasGlob, matchGlob } from '../sftp/glob.ts';

/** Longer than any path, so that a pattern costs no more than a path's length times its own. */
const maxPatternCharacters = 4096;

/**
 * The paths that an absolute pattern names, sorted; hidden files only where the pattern names them. A backslash takes the
 * meaning of what follows it away.
 *
 * @throws SshError `limit-exceeded` for a pattern that is longer than any path.
 */
export function expandGlob(pattern: string): string[] {
  if (pattern.length > maxPatternCharacters) {
    throw new SshError(`a path of ${pattern.length} characters is longer than any path`, {
      code: 'limit-exceeded',
      stage: 'config',
    });
  }
  let found: string[] = [sep];
  for (const part of pattern.split(sep).filter((piece) => piece !== '')) {
    found = found.flatMap((folder) => (hasGlob(part) ? fitting(folder, part) : [join(folder, part)]));
  }
  return found.filter(exists);
}

function fitting(folder: string, pattern: string): string[] {
  const bytes = Buffer.from(pattern);
  try {
    return readdirSync(folder)
      .filter((name) => matchGlob(bytes, Buffer.from(name)))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch {
    return false;
  }
}
