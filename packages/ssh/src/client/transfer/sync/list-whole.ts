/** All entries of a folder at once, as far as a folder may have. */
import { SshError } from '../../../errors.ts';
import { maxSftpFolderEntries } from '../../../limits.ts';
import type { Entry, Side } from '../side.ts';

/** @throws SshError `limit-exceeded` for a listing without an end. */
export async function listWhole(side: Side, path: Buffer): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const entry of side.list(path)) {
    entries.push(entry);
    if (entries.length <= maxSftpFolderEntries) continue;
    throw new SshError(`more than ${maxSftpFolderEntries} entries in a folder`, {
      code: 'limit-exceeded',
      stage: 'sftp',
    });
  }
  return entries;
}
