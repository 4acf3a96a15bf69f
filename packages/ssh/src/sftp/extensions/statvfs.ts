/** statvfs@openssh.com (PROTOCOL): the file system that a path is on. */
import { declareStructure, fields } from '../../wire/index.ts';
import type { SftpExtension } from './extension.ts';

/** As statvfs(2) has it; counts of blocks are in units of `fragmentBytes`. */
export interface FileSystemStatus {
  readonly blockBytes: bigint;
  readonly fragmentBytes: bigint;
  readonly blocks: bigint;
  readonly freeBlocks: bigint;
  /** Free for users other than root. */
  readonly availableBlocks: bigint;
  readonly files: bigint;
  readonly freeFiles: bigint;
  readonly availableFiles: bigint;
  readonly id: bigint;
  /** 1: read-only; 2: setuid has no effect. */
  readonly flags: bigint;
  readonly maxNameBytes: bigint;
}

const { string, uint64 } = fields;
const request = declareStructure('statvfs', { path: string });
const reply = declareStructure('statvfs reply', {
  blockBytes: uint64,
  fragmentBytes: uint64,
  blocks: uint64,
  freeBlocks: uint64,
  availableBlocks: uint64,
  files: uint64,
  freeFiles: uint64,
  availableFiles: uint64,
  id: uint64,
  flags: uint64,
  maxNameBytes: uint64,
});

export const statvfs: SftpExtension<{ path: Buffer }, FileSystemStatus> = {
  name: 'statvfs@openssh.com',
  version: '2',
  request,
  reply,
};
