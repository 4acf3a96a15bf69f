/** A local file system below one folder. */
import { constants } from 'node:fs';
import type { FileAttributes, FileSystemStatus } from '../../sftp/index.ts';
import type { Awaitable, DirectoryHandle, FileHandle, FileSystem, OpenRequest } from '../../sftp/server/index.ts';
import type { FileCalls } from './calls.ts';
import { LocalCalls } from './local-calls.ts';
import { LocalDirectory } from './local-handles.ts';
import { formatPath, joinPath, splitPath, throughDescriptor } from './paths.ts';
import { type Place, Walk } from './walk.ts';

const { O_DIRECTORY = 0, O_NOFOLLOW = 0, O_RDONLY } = constants;

/** Every call walks to the place first, and then never follows a link. */
export class RootedFileSystem implements FileSystem {
  readonly #walk: Walk;
  readonly #calls: FileCalls;
  readonly #local: LocalCalls;

  constructor(root: Buffer, start: Buffer, calls: FileCalls) {
    this.#walk = new Walk(root, splitPath(start), calls);
    this.#calls = calls;
    this.#local = new LocalCalls(calls);
  }

  open(path: Buffer, request: OpenRequest): Promise<FileHandle> {
    // With `exclusive` a link is a name that is taken, wherever it leads.
    const follow = !(request.create && request.exclusive);
    return this.#at(path, follow, (place) => this.#local.open(place.path, request, false));
  }

  openDirectory(path: Buffer): Promise<DirectoryHandle> {
    return this.#at(path, true, async (place) => {
      const fd = await this.#calls.open(place.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      const held = throughDescriptor(fd) ?? place.path;
      try {
        return new LocalDirectory(
          await this.#calls.opendir(held),
          {
            path: held,
            // What lies above the root is not shown, not even by its size and date.
            parent: place.names.length === 0 ? held : joinPath(held, Buffer.from('..')),
            release: () => this.#calls.close(fd),
          },
          this.#calls,
        );
      } catch (error) {
        await this.#calls.close(fd);
        throw error;
      }
    });
  }

  stat(path: Buffer): Promise<FileAttributes> {
    return this.#at(path, true, (place) => this.#local.stat(place.path, false));
  }

  lstat(path: Buffer): Promise<FileAttributes> {
    return this.#at(path, false, (place) => this.#local.stat(place.path, false));
  }

  setStat(path: Buffer, attributes: FileAttributes): Promise<void> {
    return this.#at(path, true, (place) => this.#local.setStat(place.path, attributes, false));
  }

  setLinkStat(path: Buffer, attributes: FileAttributes): Promise<void> {
    return this.#at(path, false, (place) => this.#local.setStat(place.path, attributes, false));
  }

  remove(path: Buffer): Promise<void> {
    return this.#at(path, false, (place) => this.#calls.unlink(place.path));
  }

  async makeDirectory(path: Buffer, mode: number): Promise<void> {
    await this.#at(withoutEnd(path), false, (place) => this.#calls.mkdir(place.path, mode));
  }

  removeDirectory(path: Buffer): Promise<void> {
    return this.#at(withoutEnd(path), false, (place) => this.#calls.rmdir(place.path));
  }

  /** As the client sees it: the root is `/`. */
  realPath(path: Buffer): Promise<Buffer> {
    return this.#at(path, true, async (place) => {
      // With a slash behind it, the last name is a folder that has to be there.
      if (path.at(-1) === 0x2f) await this.#calls.lstat(place.path);
      return formatPath(place.names);
    });
  }

  rename(from: Buffer, to: Buffer, { replace }: { readonly replace: boolean }): Promise<void> {
    return this.#at(withoutEnd(from), false, (source) =>
      this.#at(withoutEnd(to), false, (target) =>
        replace
          ? this.#calls.rename(source.path, target.path)
          : this.#local.renameWithoutReplacing(source.path, target.path),
      ),
    );
  }

  readLink(path: Buffer): Promise<Buffer> {
    return this.#at(path, false, (place) => this.#calls.readlink(place.path));
  }

  /** Any text may be a target: it is looked at when somebody follows it. */
  symlink(target: Buffer, linkPath: Buffer): Promise<void> {
    return this.#at(linkPath, false, (place) => this.#calls.symlink(target, place.path));
  }

  link(from: Buffer, to: Buffer): Promise<void> {
    return this.#at(from, false, (source) =>
      this.#at(to, false, (target) => this.#calls.link(source.path, target.path)),
    );
  }

  statFileSystem(path: Buffer): Promise<FileSystemStatus> {
    return this.#at(path, true, (place) => this.#local.statFileSystem(place.path, false));
  }

  async #at<T>(path: Buffer, follow: boolean, use: (place: Place) => Awaitable<T>): Promise<T> {
    const place = await this.#walk.to(path, { follow });
    try {
      return await use(place);
    } finally {
      await place.release();
    }
  }
}

/** `mkdir new/` makes `new`: the slash asks for a folder, not for where a link leads. */
function withoutEnd(path: Buffer): Buffer {
  let end = path.length;
  while (end > 1 && path[end - 1] === 0x2f) end--;
  return path.subarray(0, end);
}
