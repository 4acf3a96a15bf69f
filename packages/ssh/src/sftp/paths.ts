/** Paths of a server, as bytes. */

/** A name inside a folder. */
export function joinPath(folder: Uint8Array, name: Uint8Array): Buffer {
  if (folder.length === 0) return Buffer.from(name);
  const needsSlash = folder[folder.length - 1] !== 0x2f;
  const path = Buffer.allocUnsafe(folder.length + (needsSlash ? 1 : 0) + name.length);
  path.set(folder, 0);
  if (needsSlash) path[folder.length] = 0x2f;
  path.set(name, path.length - name.length);
  return path;
}

/** The folder that a path's last name stands in: `.` where the path is that name alone. */
export function parentPath(path: Buffer): Buffer {
  const bare = withoutEndSlashes(path);
  const slash = bare.lastIndexOf(0x2f);
  if (slash < 0) return Buffer.from('.');
  return slash === 0 ? bare.subarray(0, 1) : withoutEndSlashes(bare.subarray(0, slash));
}

/** The last name of a path; nothing of `/`. */
export function lastName(path: Buffer): Buffer {
  const bare = withoutEndSlashes(path);
  return bare.subarray(bare.lastIndexOf(0x2f) + 1);
}

/** A path without the slashes that end it; `/` stays. */
export function withoutEndSlashes(path: Buffer): Buffer {
  let end = path.length;
  while (end > 1 && path[end - 1] === 0x2f) end--;
  return path.subarray(0, end);
}
