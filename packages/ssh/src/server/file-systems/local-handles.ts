/** Open files and listings of the local disk. */
import type { Dir, Stats } from 'node:fs';
import type { FileAttributes, FileSystemStatus } from '../../sftp/index.ts';
import {
  type Awaitable,
  type DirectoryEntry,
  type DirectoryHandle,
  type FileHandle,
  fileError,
  systemCode,
  whenThere,
} from '../../sftp/server/index.ts';
import { toAttributes, toFileSystemStatus } from './attributes.ts';
import type { FileCalls } from './calls.ts';
import { attempt, joinPath, throughDescriptor } from './paths.ts';

/** An open file. */
export class LocalFile implements FileHandle {
  readonly identity: string;
  readonly #calls: FileCalls;
  readonly #append: boolean;
  readonly #path: Buffer;
  /** Undefined once closed: the system gives the number to the next file. */
  #fd: number | undefined;

  /** @param path - for what systems without /proc tell by paths only. */
  constructor(
    fd: number,
    file: { readonly identity: string; readonly append: boolean; readonly path: Buffer },
    calls: FileCalls,
  ) {
    this.#fd = fd;
    this.identity = file.identity;
    this.#append = file.append;
    this.#path = file.path;
    this.#calls = calls;
  }

  read(into: Buffer, offset: number): Awaitable<number> {
    return this.#calls.read(this.#requireOpen(), into, offset);
  }

  write(bytes: Buffer, offset: number): Awaitable<void> {
    const written = this.#calls.write(this.#requireOpen(), bytes, this.#append ? null : offset);
    if (typeof written !== 'number') return written.then((count) => this.#writeRest(bytes, offset, count));
    return this.#writeRest(bytes, offset, written);
  }

  stat(): Awaitable<FileAttributes> {
    return whenThere(this.#calls.fstat(this.#requireOpen()), toAttributes);
  }

  setStat({ size, mode, times, owner }: FileAttributes): Awaitable<void> {
    const fd = this.#requireOpen();
    const calls = this.#calls;
    return attempt([
      () => size !== undefined && calls.ftruncate(fd, size),
      () => mode !== undefined && calls.fchmod(fd, mode),
      () => times !== undefined && calls.futimes(fd, times.accessed, times.modified),
      () => owner !== undefined && calls.fchown(fd, owner.uid, owner.gid),
    ]);
  }

  sync(): Awaitable<void> {
    return this.#calls.fsync(this.#requireOpen());
  }

  async statFileSystem(): Promise<FileSystemStatus> {
    return toFileSystemStatus(await this.#calls.statfs(throughDescriptor(this.#requireOpen()) ?? this.#path));
  }

  close(): Awaitable<void> {
    const fd = this.#requireOpen();
    this.#fd = undefined;
    return this.#calls.close(fd);
  }

  /** A full disk takes a part and refuses the rest. */
  #writeRest(bytes: Buffer, offset: number, count: number): Awaitable<void> {
    if (count >= bytes.length) return;
    if (count === 0) throw fileError('ENOSPC');
    return this.write(bytes.subarray(count), offset + count);
  }

  #requireOpen(): number {
    if (this.#fd === undefined) throw fileError('EBADF');
    return this.#fd;
  }
}

/** Entries of one batch. */
const batchEntries = 200;

/** A listing, with "." and ".." at its head as the system has them and Node leaves out. */
export class LocalDirectory implements DirectoryHandle {
  readonly #calls: FileCalls;
  readonly #directory: Dir;
  readonly #path: Buffer;
  /** What ".." is to the client. */
  readonly #parent: Buffer;
  readonly #release: () => Awaitable<void>;
  #isStarted = false;

  constructor(
    directory: Dir,
    place: { readonly path: Buffer; readonly parent: Buffer; readonly release?: () => Awaitable<void> },
    calls: FileCalls,
  ) {
    this.#directory = directory;
    this.#path = place.path;
    this.#parent = place.parent;
    this.#release = place.release ?? (() => {});
    this.#calls = calls;
  }

  read(): Awaitable<DirectoryEntry[] | undefined> {
    const entries: DirectoryEntry[] = [];
    if (this.#isStarted) return this.#fill(entries);
    this.#isStarted = true;
    return whenThere(this.#add(entries, Buffer.from('.'), this.#path), () =>
      whenThere(this.#add(entries, Buffer.from('..'), this.#parent), () => this.#fill(entries)),
    );
  }

  /** Adds the next entries. Only where a call takes its time is there a promise: a listing is thousands of calls. */
  #fill(entries: DirectoryEntry[]): Awaitable<DirectoryEntry[] | undefined> {
    const add = (name: Buffer | undefined) =>
      name === undefined ? false : this.#add(entries, name, joinPath(this.#path, name));
    while (entries.length < batchEntries) {
      const isMore = whenThere(this.#calls.nextName(this.#directory), add);
      if (isMore instanceof Promise) return isMore.then((more) => (more ? this.#fill(entries) : given(entries)));
      if (!isMore) break;
    }
    return given(entries);
  }

  async close(): Promise<void> {
    await this.#calls.closeDirectory(this.#directory);
    await this.#release();
  }

  /** Adds an entry; one that has vanished since the name was read is left out. */
  #add(entries: DirectoryEntry[], name: Buffer, path: Buffer): Awaitable<true> {
    const found = (stats: Stats): true => {
      entries.push({ name, attributes: toAttributes(stats), links: stats.nlink });
      return true;
    };
    const vanished = (error: unknown): true => {
      if (systemCode(error) === undefined) throw error;
      return true;
    };
    try {
      const stats = this.#calls.lstat(path);
      return stats instanceof Promise ? stats.then(found, vanished) : found(stats);
    } catch (error) {
      return vanished(error);
    }
  }
}

function given(entries: DirectoryEntry[]): DirectoryEntry[] | undefined {
  return entries.length > 0 ? entries : undefined;
}
