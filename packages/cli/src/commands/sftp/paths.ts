/** Paths as sftp's commands have them: texts that lead back to their bytes (`toText` of @nacre/ssh/sftp). */

/** A name behind a folder. */
export function joinNames(folder: string, name: string): string {
  return folder === '' || folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

/** The last name of a path, as basename(3): `/` of `/`. */
export function baseName(path: string): string {
  if (path === '') return '.';
  const bare = path.replace(/\/+$/, '');
  return bare === '' ? '/' : bare.slice(bare.lastIndexOf('/') + 1);
}

/** A path without the folder in front of it, where that is in front. */
export function withoutFolder(path: string, folder: string | undefined): string {
  if (folder === undefined || !path.startsWith(folder)) return path;
  const rest = path.slice(folder.length);
  return !folder.endsWith('/') && rest.startsWith('/') ? rest.slice(1) : rest;
}

/** A path that is a pattern for itself. */
export function quotePattern(path: string): string {
  return path.replace(/[\\*?[]/g, '\\$&');
}
