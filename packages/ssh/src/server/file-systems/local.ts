/** localFileSystem(): the files of this machine, as the process may reach them or below one folder only. */
import type { FileAttributes, FileSystemStatus } from '../../sftp/index.ts';
import type { Awaitable, DirectoryHandle, FileHandle, FileSystem, OpenRequest } from '../../sftp/server/index.ts';
import { systemCode } from '../../sftp/server/index.ts';
import { blockingCalls, type FileCalls, threadedCalls } from './calls.ts';
import { LocalCalls } from './local-calls.ts';
import { LocalDirectory } from './local-handles.ts';
import { pacedCalls } from './paced-calls.ts';
import { isAbsolute, joinPath } from './paths.ts';
import { RootedFileSystem } from './rooted.ts';

export interface LocalFileSystemOptions {
  /**
   * The folder that clients see as `/`. Links are resolved inside it, absolute ones and `..` too, so that nothing leads out, and
   * what is not below it is not there. Default: the whole machine.
   */
  readonly root?: string | Buffer;
  /** Where relative paths begin; inside `root` where there is one. Default: `/` of the root, or the process's own folder. */
  readonly startDirectory?: string | Buffer;
  /**
   * Makes system calls at once in place of handing them to threads: faster for a process that serves one client, while a slow
   * disk holds up everything else in it. `while-quick` goes over to threads for a while when a call was slow, for a process that
   * does other things as well; files of a network, where a call may never return, are not for it. Default false.
   */
  readonly blocking?: boolean | 'while-quick';
}

/**
 * The files of this machine, with the rights of this process.
 *
 * With `root`, on Linux, each folder on the way is opened by itself and never by a link, so that not even somebody who changes
 * folders into links meanwhile leads a call out of the root. Three things remain: a folder that somebody else moves out of the
 * root while a call is inside it; hard links and mounts below the root, which are what they are; and systems without
 * /proc (macOS), where the check is made just before the call, and a race can be won.
 *
 * @example
 * const files = localFileSystem({ root: '/srv/incoming' });
 */
export function localFileSystem(options: LocalFileSystemOptions = {}): FileSystem {
  const { root, startDirectory, blocking = false } = options;
  const calls = blocking === 'while-quick' ? pacedCalls() : blocking ? blockingCalls : threadedCalls;
  const start = startDirectory === undefined ? undefined : Buffer.from(startDirectory);
  if (root !== undefined) return new RootedFileSystem(Buffer.from(root), start ?? Buffer.from('/'), calls);
  return new WholeFileSystem(start, calls);
}

/** Without a root: the system resolves the paths. */
class WholeFileSystem implements FileSystem {
  readonly #start: Buffer | undefined;
  readonly #local: LocalCalls;
  readonly #calls: FileCalls;

  constructor(start: Buffer | undefined, calls: FileCalls) {
    this.#start = start;
    this.#calls = calls;
    this.#local = new LocalCalls(calls);
  }

  open(path: Buffer, request: OpenRequest): Awaitable<FileHandle> {
    return this.#local.open(this.#at(path), request, true);
  }

  async openDirectory(path: Buffer): Promise<DirectoryHandle> {
    const place = this.#at(path);
    const directory = await this.#calls.opendir(place);
    return new LocalDirectory(directory, { path: place, parent: joinPath(place, Buffer.from('..')) }, this.#calls);
  }

  stat(path: Buffer): Awaitable<FileAttributes> {
    return this.#local.stat(this.#at(path), true);
  }

  lstat(path: Buffer): Awaitable<FileAttributes> {
    return this.#local.stat(this.#at(path), false);
  }

  setStat(path: Buffer, attributes: FileAttributes): Awaitable<void> {
    return this.#local.setStat(this.#at(path), attributes, true);
  }

  setLinkStat(path: Buffer, attributes: FileAttributes): Awaitable<void> {
    return this.#local.setStat(this.#at(path), attributes, false);
  }

  remove(path: Buffer): Awaitable<void> {
    return this.#calls.unlink(this.#at(path));
  }

  async makeDirectory(path: Buffer, mode: number): Promise<void> {
    await this.#calls.mkdir(this.#at(path), mode);
  }

  removeDirectory(path: Buffer): Awaitable<void> {
    return this.#calls.rmdir(this.#at(path));
  }

  /** The last name may be missing, also behind a link that leads nowhere, as OpenSSH's server has it. */
  async realPath(path: Buffer): Promise<Buffer> {
    let at = this.#at(path);
    for (let links = 0; ; links++) {
      try {
        return await this.#calls.realpath(at);
      } catch (error) {
        // With a slash behind it, the last name is a folder that has to be there.
        const mayMiss = at.at(-1) !== 0x2f && links < maxDanglingLinks;
        if (systemCode(error) !== 'ENOENT' || !mayMiss) throw error;
      }
      const { folder, name } = splitLast(at);
      const parent = await this.#calls.realpath(folder);
      const end = joinPath(parent, name);
      if (!(await this.#local.exists(end))) return end;
      const target = (await this.#local.linkAt(end)) ?? end;
      at = isAbsolute(target) ? target : joinPath(parent, target);
    }
  }

  rename(from: Buffer, to: Buffer, { replace }: { readonly replace: boolean }): Awaitable<void> {
    if (replace) return this.#calls.rename(this.#at(from), this.#at(to));
    return this.#local.renameWithoutReplacing(this.#at(from), this.#at(to));
  }

  readLink(path: Buffer): Awaitable<Buffer> {
    return this.#calls.readlink(this.#at(path));
  }

  symlink(target: Buffer, linkPath: Buffer): Awaitable<void> {
    return this.#calls.symlink(target, this.#at(linkPath));
  }

  link(from: Buffer, to: Buffer): Awaitable<void> {
    return this.#calls.link(this.#at(from), this.#at(to));
  }

  statFileSystem(path: Buffer): Promise<FileSystemStatus> {
    return this.#local.statFileSystem(this.#at(path), true);
  }

  #at(path: Buffer): Buffer {
    // An empty path stays one: it names nothing.
    if (this.#start === undefined || path.length === 0 || isAbsolute(path)) return path;
    return joinPath(this.#start, path);
  }
}

/** The system's own limit has been kept by realpath already; these are links to what is not there. */
const maxDanglingLinks = 8;

function splitLast(path: Buffer): { folder: Buffer; name: Buffer } {
  let end = path.length;
  while (end > 1 && path[end - 1] === 0x2f) end--;
  const trimmed = path.subarray(0, end);
  const at = trimmed.lastIndexOf(0x2f);
  if (at < 0) return { folder: Buffer.from('.'), name: trimmed };
  return { folder: at === 0 ? Buffer.from('/') : trimmed.subarray(0, at), name: trimmed.subarray(at + 1) };
}
