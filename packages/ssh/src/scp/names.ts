/** Names in records: which may come in, how those with line feeds go out, and how any is shown. */
import { maxShownBytes } from '../limits.ts';
import { printable } from '../wire/index.ts';

const slash = 0x2f;

/** Whether a name is one of something inside a folder: a slash, `.` or `..` would lead elsewhere (CVE-2018-20685, CVE-2019-6111). */
export function isPlainName(name: Uint8Array): boolean {
  if (name.length === 0 || name.includes(slash) || name.includes(0)) return false;
  return !(name.length <= 2 && name.every((byte) => byte === 0x2e));
}

/** The last component of a path, slashes at its end left out. */
export function baseName(path: Uint8Array): Uint8Array {
  let end = path.length;
  while (end > 1 && path[end - 1] === slash) end--;
  return path.subarray(path.subarray(0, end).lastIndexOf(slash) + 1, end);
}

export function joinPath(folder: Uint8Array, name: Uint8Array): Buffer {
  return folder.at(-1) === slash ? Buffer.concat([folder, name]) : Buffer.concat([folder, Buffer.of(slash), name]);
}

/** A path as a person may read it: control characters written out (CVE-2019-6109, -6110). */
export function shownPath(path: Uint8Array): string {
  return printable(path.subarray(0, maxShownBytes), 'one');
}

/**
 * The name to announce. A record ends at its line feed, so a name that holds one is written in the visible form of vis(3), as
 * OpenSSH does: the file arrives under another name, but it arrives.
 */
export function announcedName(name: Uint8Array): Uint8Array {
  if (!name.includes(0x0a)) return name;
  return Buffer.from(Array.from(name, visible).join(''), 'latin1');
}

function visible(byte: number): string {
  const low = byte & 0x7f;
  const isControl = low < 0x20 || low === 0x7f;
  const letter = String.fromCharCode(low === 0x7f ? 0x3f : low + 0x40);
  if (byte >= 0x80) return isControl ? `\\M^${letter}` : `\\M-${String.fromCharCode(low)}`;
  if (byte === 0x5c) return '\\\\';
  return isControl && byte !== 0x09 ? `\\^${letter}` : String.fromCharCode(byte);
}
