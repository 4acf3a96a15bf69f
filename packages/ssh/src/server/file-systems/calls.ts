/** The system calls of local files, in two forms: at once, or by Node's threads. */
import {
  type BigIntStatsFs,
  chmod,
  chmodSync,
  chown,
  chownSync,
  close,
  closeSync,
  type Dir,
  fchmod,
  fchmodSync,
  fchown,
  fchownSync,
  fstat,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncate,
  ftruncateSync,
  futimes,
  futimesSync,
  lchown,
  lchownSync,
  link,
  linkSync,
  lstat,
  lstatSync,
  lutimes,
  lutimesSync,
  mkdir,
  mkdirSync,
  open,
  opendir,
  opendirSync,
  openSync,
  read,
  readlink,
  readlinkSync,
  readSync,
  realpath,
  realpathSync,
  rename,
  renameSync,
  rmdir,
  rmdirSync,
  type Stats,
  stat,
  statfs,
  statfsSync,
  statSync,
  symlink,
  symlinkSync,
  truncate,
  truncateSync,
  unlink,
  unlinkSync,
  utimes,
  utimesSync,
  write,
  writeSync,
} from 'node:fs';
import type { Awaitable } from '../../sftp/server/index.ts';

type Path = Buffer;

export interface FileCalls {
  open(path: Path, flags: number, mode?: number): Awaitable<number>;
  close(fd: number): Awaitable<void>;
  read(fd: number, into: Buffer, offset: number): Awaitable<number>;
  /** @param offset - null for the end of a file that is open for appending. */
  write(fd: number, bytes: Buffer, offset: number | null): Awaitable<number>;
  fsync(fd: number): Awaitable<void>;
  fstat(fd: number): Awaitable<Stats>;
  ftruncate(fd: number, size: number): Awaitable<void>;
  fchmod(fd: number, mode: number): Awaitable<void>;
  fchown(fd: number, uid: number, gid: number): Awaitable<void>;
  futimes(fd: number, accessed: number, modified: number): Awaitable<void>;
  stat(path: Path): Awaitable<Stats>;
  lstat(path: Path): Awaitable<Stats>;
  truncate(path: Path, size: number): Awaitable<void>;
  chmod(path: Path, mode: number): Awaitable<void>;
  chown(path: Path, uid: number, gid: number): Awaitable<void>;
  lchown(path: Path, uid: number, gid: number): Awaitable<void>;
  utimes(path: Path, accessed: number, modified: number): Awaitable<void>;
  lutimes(path: Path, accessed: number, modified: number): Awaitable<void>;
  unlink(path: Path): Awaitable<void>;
  mkdir(path: Path, mode: number): Awaitable<unknown>;
  rmdir(path: Path): Awaitable<void>;
  rename(from: Path, to: Path): Awaitable<void>;
  link(from: Path, to: Path): Awaitable<void>;
  symlink(target: Path, path: Path): Awaitable<void>;
  readlink(path: Path): Awaitable<Buffer>;
  realpath(path: Path): Awaitable<Buffer>;
  statfs(path: Path): Awaitable<BigIntStatsFs>;
  opendir(path: Path): Awaitable<Dir>;
  /** The next entry's name; undefined at the end. */
  nextName(directory: Dir): Awaitable<Buffer | undefined>;
  closeDirectory(directory: Dir): Awaitable<void>;
}

/** How many names are fetched from the system at a time. */
const listing = { encoding: 'buffer', bufferSize: 128 } as const;
const bytes = { encoding: 'buffer' } as const;

/**
 * Calls that are made at once: for a process that serves one client. Handing each to a thread takes more of the processor than
 * most of them do themselves, but a slow disk keeps everything waiting.
 */
export const blockingCalls: FileCalls = {
  open: openSync,
  close: closeSync,
  read: (fd, into, offset) => readSync(fd, into, 0, into.length, offset),
  write: (fd, from, offset) => writeSync(fd, from, 0, from.length, offset),
  fsync: fsyncSync,
  fstat: (fd) => fstatSync(fd),
  ftruncate: ftruncateSync,
  fchmod: fchmodSync,
  fchown: fchownSync,
  futimes: futimesSync,
  stat: (path) => statSync(path),
  lstat: (path) => lstatSync(path),
  truncate: truncateSync,
  chmod: chmodSync,
  chown: chownSync,
  lchown: lchownSync,
  utimes: utimesSync,
  lutimes: lutimesSync,
  unlink: unlinkSync,
  mkdir: (path, mode) => mkdirSync(path, mode),
  rmdir: (path) => rmdirSync(path),
  rename: renameSync,
  link: linkSync,
  symlink: (target, path) => symlinkSync(target, path),
  readlink: (path) => readlinkSync(path, bytes),
  realpath: (path) => realpathSync.native(path, bytes),
  statfs: (path) => statfsSync(path, { bigint: true }),
  opendir: (path) => opendirSync(path as unknown as string, listing as object),
  nextName: (directory) => nameOf(directory.readSync()),
  closeDirectory: (directory) => directory.closeSync(),
};

/** Calls that threads make: for a process that serves many, where one slow disk must not keep the others waiting. */
export const threadedCalls: FileCalls = {
  open: (path, flags, mode) => settle((done) => open(path, flags, mode, done)),
  close: (fd) => settle((done) => close(fd, done)),
  read: (fd, into, offset) => settle((done) => read(fd, into, 0, into.length, offset, done)),
  write: (fd, from, offset) => settle((done) => write(fd, from, 0, from.length, offset, done)),
  fsync: (fd) => settle((done) => fsync(fd, done)),
  fstat: (fd) => settle((done) => fstat(fd, done)),
  ftruncate: (fd, size) => settle((done) => ftruncate(fd, size, done)),
  fchmod: (fd, mode) => settle((done) => fchmod(fd, mode, done)),
  fchown: (fd, uid, gid) => settle((done) => fchown(fd, uid, gid, done)),
  futimes: (fd, accessed, modified) => settle((done) => futimes(fd, accessed, modified, done)),
  stat: (path) => settle((done) => stat(path, done)),
  lstat: (path) => settle((done) => lstat(path, done)),
  truncate: (path, size) => settle((done) => truncate(path, size, done)),
  chmod: (path, mode) => settle((done) => chmod(path, mode, done)),
  chown: (path, uid, gid) => settle((done) => chown(path, uid, gid, done)),
  lchown: (path, uid, gid) => settle((done) => lchown(path, uid, gid, done)),
  utimes: (path, accessed, modified) => settle((done) => utimes(path, accessed, modified, done)),
  lutimes: (path, accessed, modified) => settle((done) => lutimes(path, accessed, modified, done)),
  unlink: (path) => settle((done) => unlink(path, done)),
  mkdir: (path, mode) => settle((done) => mkdir(path, mode, done)),
  rmdir: (path) => settle((done) => rmdir(path, done)),
  rename: (from, to) => settle((done) => rename(from, to, done)),
  link: (from, to) => settle((done) => link(from, to, done)),
  symlink: (target, path) => settle((done) => symlink(target, path, done)),
  readlink: (path) => settle((done) => readlink(path, bytes, done)),
  realpath: (path) => settle((done) => realpath.native(path, bytes, done)),
  statfs: (path) => settle((done) => statfs(path, { bigint: true }, done)),
  opendir: (path) => settle((done) => opendir(path as unknown as string, listing as object, done)),
  nextName: async (directory) => nameOf(await directory.read()),
  closeDirectory: (directory) => directory.close(),
};

function settle<T>(start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    // Calls without a result have no value to give.
    start((error, value) => (error === null ? resolve(value as T) : reject(error)));
  });
}

/** The names are bytes, since the listing was asked for bytes; @types/node knows only text. */
function nameOf(entry: { readonly name: unknown } | null): Buffer | undefined {
  return entry === null ? undefined : (entry.name as Buffer);
}
