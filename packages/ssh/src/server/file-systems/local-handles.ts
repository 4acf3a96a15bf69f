/** Open files and listings of the local disk. */
import type { Dir } from 'node:fs';
import type { FileAttributes, FileSystemStatus } from '../../sftp/index.ts';
import {
  type Awaitable,
  type DirectoryEntry,
  type DirectoryHandle,
  type FileHandle,
  fileError,
  systemCode,
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

  async stat(): Promise<FileAttributes> {
    return toAttributes(await this.#calls.fstat(this.#requireOpen()));
  }

  setStat({ size, mode, times, owner }: FileAttributes): Promise<void> {
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
const batchEntries = 100;

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

  async read(): Promise<DirectoryEntry[] | undefined> {
    const entries: DirectoryEntry[] = [];
    if (!this.#isStarted) {
      this.#isStarted = true;
      await this.#add(entries, Buffer.from('.'), this.#path);
      await this.#add(entries, Buffer.from('..'), this.#parent);
    }
    while (entries.length < batchEntries) {
      const name = await this.#calls.nextName(this.#directory);
      if (name === undefined) return entries.length > 0 ? entries : undefined;
      await this.#add(entries, name, joinPath(this.#path, name));
    }
    return entries;
  }

  async close(): Promise<void> {
    await this.#calls.closeDirectory(this.#directory);
    await this.#release();
  }

  /** Adds an entry; one that has vanished since the name was read is left out. */
  async #add(entries: DirectoryEntry[], name: Buffer, path: Buffer): Promise<void> {
    try {
      const stats = await this.#calls.lstat(path);
      entries.push({ name, attributes: toAttributes(stats), links: stats.nlink });
    } catch (error) {
      if (systemCode(error) === undefined) throw error;
    }
  }
}
