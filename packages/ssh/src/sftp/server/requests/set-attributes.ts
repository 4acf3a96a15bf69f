/** What SETSTAT, FSETSTAT and lsetstat have in common: the lines of the log, and a size that can be one. */
import type { FileAttributes } from '../../attributes.ts';
import { formatLogTime } from '../log.ts';
import type { ServerSession } from '../session.ts';

/** Attributes as a file system is to set them, after the log was told. */
export function settable(path: Buffer, attributes: FileAttributes, session: ServerSession): FileAttributes {
  const { size, owner, mode, times } = attributes;
  const log = (what: string) => session.logPaths('info', (name) => `set ${name} ${what}`, path);
  if (size !== undefined) log(`size ${size}`);
  if (mode !== undefined) log(`mode ${mode.toString(8).padStart(4, '0')}`);
  if (times !== undefined) log(`modtime ${formatLogTime(times.modified)}`);
  if (owner !== undefined) log(`owner ${owner.uid} group ${owner.gid}`);
  return {
    ...(size !== undefined && { size }),
    // The type of file is not for the client to change.
    ...(mode !== undefined && { mode: mode & 0o7777 }),
    ...(times !== undefined && { times }),
    ...(owner !== undefined && { owner }),
  };
}
