/** The extensions of the protocol that are spoken here. */
import { fsync } from './fsync.ts';
import { hardlink } from './hardlink.ts';
import { limits } from './limits.ts';
import { lsetstat } from './lsetstat.ts';
import { posixRename } from './posix-rename.ts';
import { statvfs } from './statvfs.ts';

export const sftpExtensions = [posixRename, statvfs, hardlink, fsync, lsetstat, limits] as const;
