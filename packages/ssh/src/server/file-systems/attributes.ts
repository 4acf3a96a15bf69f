/** Between what the system tells of a file and the attributes of the protocol. */
import type { BigIntStatsFs, Stats } from 'node:fs';
import type { FileAttributes, FileSystemStatus } from '../../sftp/index.ts';

export function toAttributes(stats: Stats): FileAttributes {
  return {
    size: stats.size,
    owner: { uid: stats.uid, gid: stats.gid },
    mode: stats.mode,
    times: { accessed: Math.floor(stats.atimeMs / 1000), modified: Math.floor(stats.mtimeMs / 1000) },
  };
}

/** The same text for every handle of one file. */
export function toIdentity({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}

/** Node's statfs tells neither flags nor the length of names: no flags, and what nearly every file system allows. */
export function toFileSystemStatus(stats: BigIntStatsFs): FileSystemStatus {
  return {
    blockBytes: stats.bsize,
    fragmentBytes: stats.bsize,
    blocks: stats.blocks,
    freeBlocks: stats.bfree,
    availableBlocks: stats.bavail,
    files: stats.files,
    freeFiles: stats.ffree,
    availableFiles: stats.ffree,
    id: stats.type,
    flags: 0n,
    maxNameBytes: 255n,
  };
}
