/** Expands `*` and `?` in paths, for Include: a folder at a time, sorted, hidden files only where the pattern names them. */
import { readdirSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { matchPattern } from '@nacre/ssh/trust';

/** The files that fit an absolute path with wildcards. */
export function expandGlob(pattern: string): string[] {
  let found: string[] = [sep];
  for (const part of pattern.split(sep).filter((piece) => piece !== '')) {
    found = found.flatMap((folder) => (/[*?]/.test(part) ? fitting(folder, part) : [join(folder, part)]));
  }
  return found.filter(exists);
}

function fitting(folder: string, pattern: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => pattern.startsWith('.') || !name.startsWith('.'));
    return names
      .filter((name) => matchPattern(name, pattern))
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
