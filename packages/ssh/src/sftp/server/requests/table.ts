/** Every request that the server takes, in the order in which OpenSSH's `-Q requests` lists them. */
import { close } from './close.ts';
import { copyData } from './copy-data.ts';
import { expandPath } from './expand-path.ts';
import { fsetstat } from './fsetstat.ts';
import { fstat } from './fstat.ts';
import { fstatvfs } from './fstatvfs.ts';
import { fsync } from './fsync.ts';
import { hardlink } from './hardlink.ts';
import { homeDirectory } from './home-directory.ts';
import { limits } from './limits.ts';
import { lsetstat } from './lsetstat.ts';
import { lstat } from './lstat.ts';
import { mkdir } from './mkdir.ts';
import { open } from './open.ts';
import { opendir } from './opendir.ts';
import { posixRename } from './posix-rename.ts';
import { read } from './read.ts';
import { readdir } from './readdir.ts';
import { readlink } from './readlink.ts';
import { realpath } from './realpath.ts';
import { remove } from './remove.ts';
import { rename } from './rename.ts';
import type { ServerRequest } from './request.ts';
import { rmdir } from './rmdir.ts';
import { setstat } from './setstat.ts';
import { stat } from './stat.ts';
import { statvfs } from './statvfs.ts';
import { symlink } from './symlink.ts';
import { usersGroupsById } from './users-groups-by-id.ts';
import { write } from './write.ts';

export const serverRequests: readonly ServerRequest[] = [
  ...[open, close, read, write, lstat, fstat, setstat, fsetstat, opendir, readdir],
  ...[remove, mkdir, rmdir, realpath, stat, rename, readlink, symlink],
  ...[posixRename, statvfs, fstatvfs, hardlink, fsync, lsetstat, limits, expandPath, copyData, homeDirectory],
  usersGroupsById,
];
