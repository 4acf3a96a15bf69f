/** Reads configuration and key files of the administrator's, and finds the files that an Include names. */
import { accessSync, closeSync, constants, fstatSync, openSync, readdirSync, readSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { SshError } from '@nacre/ssh/errors';
import { matchPattern } from '@nacre/ssh/trust';

/** Far more than any configuration, key list or banner holds; more is the wrong file. */
export const maxSettingsFileBytes = 16 * 1024 * 1024;

/**
 * Reads a regular file, or nothing from /dev/null. A device or pipe with that name would block the server (libssh
 * CVE-2026-0965), so it is opened without waiting and refused.
 *
 * @param accept - looks at the open file's owner and mode, and throws where it is not to be used.
 * @throws SshError `bad-file`, or the system's error.
 */
export function readRegularFile(
  path: string,
  maxBytes = maxSettingsFileBytes,
  accept?: (stats: Stats) => void,
): Buffer {
  if (path === '/dev/null') return Buffer.alloc(0);
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw badFile(`${path} is not a regular file`);
    if (stats.size > maxBytes) throw badFile(`${path} has ${stats.size} bytes, at most ${maxBytes} are read`);
    accept?.(stats);
    const bytes = Buffer.alloc(stats.size);
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(fd, bytes, length, bytes.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

/** The files a pattern with `*` and `?` names, sorted; a pattern without them is a file whether it is there or not. */
export function expandGlob(pattern: string): string[] {
  const parts = pattern.split('/');
  const wild = parts.findIndex((part) => /[*?]/.test(part));
  if (wild < 0) return [pattern];
  const folder = parts.slice(0, wild).join('/') || (pattern.startsWith('/') ? '/' : '.');
  const wanted = parts[wild] as string;
  const after = parts.slice(wild + 1);
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch {
    return [];
  }
  return names
    .filter((name) => matchPattern(name, wanted) && (!name.startsWith('.') || wanted.startsWith('.')))
    .flatMap((name) => expandGlob(join(folder, name, ...after)));
}

function badFile(message: string): SshError {
  return new SshError(message, {
    code: 'bad-file',
    stage: 'config',
    remedy: 'Check that the name is the file you mean.',
  });
}

/** Whether this process may run a file. */
export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
