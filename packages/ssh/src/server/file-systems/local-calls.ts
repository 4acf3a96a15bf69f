/** What is done to a path of the local disk, following a link at its end or not. */
import { constants, type Stats } from 'node:fs';
import type { FileAttributes, FileSystemStatus } from '../../sftp/index.ts';
import { type Awaitable, fileError, type OpenRequest, systemCode, whenThere } from '../../sftp/server/index.ts';
import { toAttributes, toFileSystemStatus, toIdentity } from './attributes.ts';
import type { FileCalls } from './calls.ts';
import { LocalFile } from './local-handles.ts';
import { attempt, throughDescriptor } from './paths.ts';

const { O_RDONLY, O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_TRUNC, O_EXCL, O_NOFOLLOW } = constants;
/** Not there on Windows, where it has no meaning either. */
const { O_NONBLOCK = 0, O_NOCTTY = 0 } = constants;
/** A descriptor that only stands for the file; node:fs has no name for it. */
export const O_PATH = 0o10000000;

export class LocalCalls {
  readonly calls: FileCalls;

  constructor(calls: FileCalls) {
    this.calls = calls;
  }

  open(path: Buffer, request: OpenRequest, follow: boolean): Awaitable<LocalFile> {
    const { read, write, append, create, truncate, exclusive, mode } = request;
    const flags =
      (read && write ? O_RDWR : write ? O_WRONLY : O_RDONLY) |
      (append ? O_APPEND : 0) |
      (create ? O_CREAT : 0) |
      (truncate ? O_TRUNC : 0) |
      (exclusive ? O_EXCL : 0) |
      (follow ? 0 : O_NOFOLLOW) |
      // A pipe that nobody writes to would hold one of Node's four threads for ever, and with it everybody's files.
      O_NONBLOCK |
      O_NOCTTY;
    return whenThere(this.calls.open(path, flags, mode), (fd) => {
      const file = (stats: Stats) => new LocalFile(fd, { identity: toIdentity(stats), append, path }, this.calls);
      const fail = (error: unknown): Awaitable<never> =>
        whenThere(this.calls.close(fd), () => {
          throw error;
        });
      try {
        const stats = this.calls.fstat(fd);
        return stats instanceof Promise ? stats.then(file, fail) : file(stats);
      } catch (error) {
        return fail(error);
      }
    });
  }

  stat(path: Buffer, follow: boolean): Awaitable<FileAttributes> {
    return whenThere(follow ? this.calls.stat(path) : this.calls.lstat(path), toAttributes);
  }

  setStat(path: Buffer, attributes: FileAttributes, follow: boolean): Awaitable<void> {
    const { calls } = this;
    const { size, mode, times, owner } = attributes;
    if (!follow) return this.#setWithoutFollowing(path, attributes);
    return attempt([
      () => size !== undefined && calls.truncate(path, size),
      () => mode !== undefined && calls.chmod(path, mode),
      () => times !== undefined && calls.utimes(path, times.accessed, times.modified),
      () => owner !== undefined && calls.chown(path, owner.uid, owner.gid),
    ]);
  }

  async statFileSystem(path: Buffer, follow: boolean): Promise<FileSystemStatus> {
    if (follow) return toFileSystemStatus(await this.calls.statfs(path));
    return this.#held(path, async (held) => toFileSystemStatus(await this.calls.statfs(held)));
  }

  /** As OpenSSH's server: a second name and then no first one, which no file can be lost by. */
  async renameWithoutReplacing(from: Buffer, to: Buffer): Promise<void> {
    const { calls } = this;
    if ((await calls.lstat(from)).isFile()) {
      try {
        await calls.link(from, to);
        await calls.unlink(from);
        return;
      } catch (error) {
        if (!withoutLinks.has(systemCode(error) ?? '')) throw error;
      }
    }
    if (await this.exists(to)) throw fileError('EEXIST');
    await calls.rename(from, to);
  }

  async exists(path: Buffer): Promise<boolean> {
    try {
      await this.calls.lstat(path);
      return true;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /** The link's text; undefined for what is there and is no link. */
  async linkAt(path: Buffer): Promise<Buffer | undefined> {
    try {
      return await this.calls.readlink(path);
    } catch (error) {
      if (systemCode(error) === 'EINVAL') return undefined;
      throw error;
    }
  }

  #setWithoutFollowing(path: Buffer, { size, mode, times, owner }: FileAttributes): Promise<void> {
    const { calls } = this;
    return this.#held(path, async (held) => {
      const isHeld = held !== path;
      const isLink = mode !== undefined && (await (isHeld ? calls.stat(held) : calls.lstat(path))).isSymbolicLink();
      await attempt([
        () => size !== undefined && this.#truncate(path, size),
        () => {
          if (mode === undefined) return;
          // Linux keeps no mode for links.
          if (isLink) throw fileError('ENOSYS');
          return isHeld ? calls.chmod(held, mode) : this.#chmodOpened(path, mode);
        },
        () => times !== undefined && calls.lutimes(path, times.accessed, times.modified),
        () => owner !== undefined && calls.lchown(path, owner.uid, owner.gid),
      ]);
    });
  }

  /** Where a descriptor has no path: through one that is open, which takes a file that may be read or written. */
  async #chmodOpened(path: Buffer, mode: number): Promise<void> {
    const flags = O_NOFOLLOW | O_NONBLOCK;
    let fd: number;
    try {
      fd = await this.calls.open(path, O_RDONLY | flags);
    } catch (error) {
      if (systemCode(error) !== 'EACCES') throw error;
      fd = await this.calls.open(path, O_WRONLY | flags);
    }
    await attempt([() => this.calls.fchmod(fd, mode), () => this.calls.close(fd)]);
  }

  async #truncate(path: Buffer, size: number): Promise<void> {
    const fd = await this.calls.open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
    await attempt([() => this.calls.ftruncate(fd, size), () => this.calls.close(fd)]);
  }

  /** Holds what a path names, so that a call which would follow a link cannot be led elsewhere; where Linux offers that. */
  async #held<T>(path: Buffer, use: (held: Buffer) => Awaitable<T>): Promise<T> {
    if (throughDescriptor(0) === undefined) return use(path);
    const fd = await this.calls.open(path, O_PATH | O_NOFOLLOW);
    try {
      return await use(throughDescriptor(fd) ?? path);
    } finally {
      await this.calls.close(fd);
    }
  }
}

/** Errors of link(2) that mean that there are no links here, not that this one cannot be made. */
const withoutLinks = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EPERM', 'EMLINK']);
