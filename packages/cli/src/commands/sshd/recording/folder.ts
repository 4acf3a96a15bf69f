/** The folder of recordings (RecordFolder): made where it is not there, and refused where anybody else could look in or write. */
import { lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { expandServerTokens } from '@nacre/ssh/config/server';
import { SshError } from '@nacre/ssh/errors';
import { pathFlaw } from '../user-files.ts';
import type { RecordedLogin } from './types.ts';

/**
 * Gives the folder's real path.
 *
 * @throws SshError `bad-file` for one that is not the server's alone, below folders that only root or the server may change.
 */
export function prepareRecordFolder(pattern: string, login: RecordedLogin, date: Date): string {
  const { user, uid: userId, home } = login;
  // Names come from the account database; one that leads elsewhere is refused all the same.
  if (/[/\0]|^\.\.?$/.test(user)) throw refused(pattern, 'the user’s name would lead elsewhere');
  const path = expandServerTokens('RecordFolder', pattern, { user, userId, home, date });
  if (!path.startsWith('/')) throw refused(path, 'it is no absolute path');
  const own = process.geteuid?.() ?? 0;
  const above = deepestFolder(path);
  const flawAbove = pathFlaw(above, statSync(above), own);
  if (flawAbove !== undefined) throw refused(path, flawAbove);
  if (above !== path) mkdirSync(path, { recursive: true, mode: 0o700 });
  const folder = realpathSync(path);
  const stats = statSync(folder);
  if (!stats.isDirectory()) throw refused(folder, 'it is no folder');
  const flaw = pathFlaw(folder, stats, own);
  if (flaw !== undefined) throw refused(folder, flaw);
  // Passwords and keys may stand on a screen.
  if ((stats.mode & 0o077) !== 0) throw refused(folder, 'others may look into it');
  return folder;
}

/** The last part of a path that is there. */
function deepestFolder(path: string): string {
  let folder = path;
  while (lstatSync(folder, { throwIfNoEntry: false }) === undefined && dirname(folder) !== folder)
    folder = dirname(folder);
  return folder;
}

function refused(path: string, reason: string): SshError {
  return new SshError(`recordings cannot be kept in ${path}: ${reason}`, {
    code: 'bad-file',
    stage: 'config',
    remedy:
      'Give RecordFolder a folder of mode 0700 that belongs to root or the server, below folders that nobody else may change.',
  });
}
