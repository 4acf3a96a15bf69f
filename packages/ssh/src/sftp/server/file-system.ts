/** What an sftp server serves: the few calls that a file system has to answer, and those that it may. */
import type { FileAttributes } from '../attributes.ts';
import type { FileSystemStatus } from '../extensions/statvfs.ts';

/** A value at once or later. What is there at once is sent on at once. */
export type Awaitable<T> = T | Promise<T>;

/**
 * Files to serve. Paths and names are bytes, without NUL and not longer than 4096; relative ones are below the start
 * directory, which the file system chooses. Calls that a file system does not have are answered "Operation unsupported".
 *
 * Whatever a call throws becomes a status: Node's system errors by their code (`ENOENT` …), SshError by its own code
 * (`no-such-file`, `permission-denied`, `unsupported`), anything else is "Failure".
 *
 * Requests that could disturb each other are not made at the same time: the server keeps their order.
 */
export interface FileSystem {
  open(path: Buffer, request: OpenRequest): Awaitable<FileHandle>;
  openDirectory(path: Buffer): Awaitable<DirectoryHandle>;
  /** Follows a symbolic link at the end of the path. */
  stat(path: Buffer): Awaitable<FileAttributes>;
  /** Does not follow it. Default: as `stat`. */
  lstat?(path: Buffer): Awaitable<FileAttributes>;
  /** The absolute path without links and dots. The last name need not exist. */
  realPath(path: Buffer): Awaitable<Buffer>;
  setStat?(path: Buffer, attributes: FileAttributes): Awaitable<void>;
  /** Attributes of a link itself. */
  setLinkStat?(path: Buffer, attributes: FileAttributes): Awaitable<void>;
  remove?(path: Buffer): Awaitable<void>;
  makeDirectory?(path: Buffer, mode: number): Awaitable<void>;
  removeDirectory?(path: Buffer): Awaitable<void>;
  /** @param replace - whether a file that bears the new name is replaced, or is an error. */
  rename?(oldPath: Buffer, newPath: Buffer, options: { readonly replace: boolean }): Awaitable<void>;
  readLink?(path: Buffer): Awaitable<Buffer>;
  symlink?(target: Buffer, linkPath: Buffer): Awaitable<void>;
  /** A second name for a file. */
  link?(oldPath: Buffer, newPath: Buffer): Awaitable<void>;
  statFileSystem?(path: Buffer): Awaitable<FileSystemStatus>;
}

/** How a file is to be opened. */
export interface OpenRequest {
  readonly read: boolean;
  readonly write: boolean;
  /** Every write goes to the end, whatever its offset. */
  readonly append: boolean;
  readonly create: boolean;
  readonly truncate: boolean;
  /** With `create`: fails where the name is taken. */
  readonly exclusive: boolean;
  /** Permissions of a file that is made. */
  readonly mode: number;
}

/** An open file. */
export interface FileHandle {
  /** The same text for every handle of one file, so that requests through two handles keep their order. */
  readonly identity?: string;
  /** Fills `into` from the offset on and gives the number of bytes; fewer only where the file ends, 0 at its end. */
  read?(into: Buffer, offset: number): Awaitable<number>;
  /** Writes all of it. The bytes may be used until the write has ended. */
  write?(bytes: Buffer, offset: number): Awaitable<void>;
  stat(): Awaitable<FileAttributes>;
  setStat?(attributes: FileAttributes): Awaitable<void>;
  /** Has what was written put on the disk. */
  sync?(): Awaitable<void>;
  statFileSystem?(): Awaitable<FileSystemStatus>;
  close(): Awaitable<void>;
}

/** A directory that is being listed. */
export interface DirectoryHandle {
  /** The next entries, about a hundred; undefined at the end. */
  read(): Awaitable<readonly DirectoryEntry[] | undefined>;
  close(): Awaitable<void>;
}

export interface DirectoryEntry {
  readonly name: Buffer;
  /** Of the entry itself, not of what a link leads to. */
  readonly attributes: FileAttributes;
  /** Number of names of the file, for the line that people see. Default 1. */
  readonly links?: number;
}

/** Names of users and groups, from wherever they are kept. What it does not know is shown as a number. */
export interface AccountNames {
  user(uid: number): Awaitable<string | undefined>;
  group(gid: number): Awaitable<string | undefined>;
  /** Home folders, for `~name` in expand-path and for home-directory; without it they are unknown. */
  home?(user: string): Awaitable<string | Buffer | undefined>;
}
