/** The extensions of the protocol that are spoken here. */
import { checkFile, checkFileHandle } from './check-file.ts';
import { copyData } from './copy-data.ts';
import { expandPath } from './expand-path.ts';
import { fstatvfs } from './fstatvfs.ts';
import { fsync } from './fsync.ts';
import { hardlink } from './hardlink.ts';
import { homeDirectory } from './home-directory.ts';
import { limits } from './limits.ts';
import { lsetstat } from './lsetstat.ts';
import { posixRename } from './posix-rename.ts';
import { statvfs } from './statvfs.ts';
import { usersGroupsById } from './users-groups-by-id.ts';

export const sftpExtensions = [
  posixRename,
  statvfs,
  fstatvfs,
  hardlink,
  fsync,
  lsetstat,
  limits,
  expandPath,
  copyData,
  homeDirectory,
  usersGroupsById,
  checkFile,
  checkFileHandle,
] as const;
