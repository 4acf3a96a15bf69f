/** The files of a server by the calls of node:fs/promises. */
import { SshError } from '../../errors.ts';
import { maxSftpFolderEntries } from '../../limits.ts';
import { type FileAttributes, fileType } from '../attributes.ts';
import type { SftpCalls } from '../calls.ts';
import type { FileSystemStatus } from '../extensions/statvfs.ts';
import { type SftpPath, toPathBytes, toText } from '../name.ts';
import { lastName, parentPath } from '../paths.ts';
import type { CallOptions } from '../requests.ts';
import { sftpError } from '../sftp-error.ts';
import { describeSubject } from '../status.ts';
import { copyFile } from './copy-file.ts';
import { type FileData, type ReadWholeOptions, SftpFileHandle, type Time, timesOf } from './file-handle.ts';
import { modeOfFlag, type OpenFlag } from './flags.ts';
import { removeTree } from './remove-tree.ts';
import { SftpDirent, SftpStats } from './stats.ts';
import { type ReadStreamOptions, SftpReadStream, SftpWriteStream, type WriteStreamOptions } from './streams.ts';

export interface WriteFileOptions extends CallOptions {
  readonly encoding?: BufferEncoding;
  /** Of a file that is created; less what the server's umask takes away. */
  readonly mode?: number;
  /** Default `w`; `a` in appendFile. */
  readonly flag?: OpenFlag;
  /** Have the server put it on its disk. Default false. */
  readonly flush?: boolean;
}

interface Buffers {
  readonly encoding: 'buffer';
}

/** Names as text (the default) or as the bytes they are. */
interface NameOptions extends CallOptions {
  readonly encoding?: 'utf8' | 'buffer';
}

/**
 * What node:fs/promises has for local files. Paths are text or bytes. Names come as text; one that is no UTF-8 comes as text that
 * leads back to it (lone surrogates in place of its bytes), or as it is with `encoding: 'buffer'`. Errors are SshErrors: `no-such-file`,
 * `permission-denied`, `operation-failed` …
 *
 * @example
 * for (const name of await sftp.fs.readdir('inbox')) console.log(name, (await sftp.fs.stat(`inbox/${name}`)).size);
 */
export class SftpFileSystem {
  readonly #calls: SftpCalls;

  /** Made by SftpClient: `sftp.fs`. */
  constructor(calls: SftpCalls) {
    this.#calls = calls;
  }

  async open(path: SftpPath, flags: OpenFlag = 'r', mode?: number, options?: CallOptions): Promise<SftpFileHandle> {
    const attributes = mode === undefined ? {} : { attributes: { mode } };
    return new SftpFileHandle(await this.#calls.open(path, modeOfFlag(flags), { ...options, ...attributes }));
  }

  async readFile(path: SftpPath, options: BufferEncoding): Promise<string>;
  async readFile(path: SftpPath, options: ReadWholeOptions & { readonly encoding: BufferEncoding }): Promise<string>;
  async readFile(path: SftpPath, options?: ReadWholeOptions): Promise<Buffer>;
  async readFile(path: SftpPath, options: ReadWholeOptions | BufferEncoding = {}): Promise<Buffer | string> {
    const { encoding, ...more } = typeof options === 'string' ? { encoding: options } : options;
    const bytes = await this.#calls.readFile(path, more);
    return encoding === undefined ? bytes : bytes.toString(encoding);
  }

  /** Writes a file whole, in place of what it held. */
  async writeFile(path: SftpPath, data: FileData, options: WriteFileOptions | BufferEncoding = {}): Promise<void> {
    const {
      encoding,
      mode,
      flag = 'w',
      flush,
      ...more
    } = typeof options === 'string' ? { encoding: options } : options;
    const handle = await this.open(path, flag, mode, more);
    try {
      await handle.writeFile(data, encoding);
      if (flush) await handle.sync();
    } catch (error) {
      await handle.close().catch(() => {});
      throw error;
    }
    // The server may tell only here that it could not keep what was written.
    await handle.close();
  }

  async appendFile(path: SftpPath, data: FileData, options: WriteFileOptions | BufferEncoding = {}): Promise<void> {
    const more = typeof options === 'string' ? { encoding: options } : options;
    await this.writeFile(path, data, { flag: 'a', ...more });
  }

  async readdir(
    path: SftpPath,
    options: Buffers & CallOptions & { readonly withFileTypes: true },
  ): Promise<SftpDirent<Buffer>[]>;
  async readdir(path: SftpPath, options: NameOptions & { readonly withFileTypes: true }): Promise<SftpDirent[]>;
  async readdir(path: SftpPath, options: Buffers & CallOptions): Promise<Buffer[]>;
  async readdir(path: SftpPath, options?: NameOptions): Promise<string[]>;
  async readdir(
    path: SftpPath,
    options: NameOptions & { readonly withFileTypes?: boolean } = {},
  ): Promise<(string | Buffer | SftpDirent | SftpDirent<Buffer>)[]> {
    const { encoding, withFileTypes, ...more } = options;
    const parent = toPathBytes(path);
    const found: (string | Buffer | SftpDirent | SftpDirent<Buffer>)[] = [];
    for await (const { bytes, attributes } of this.#calls.readdir(parent, more)) {
      if (found.length === maxSftpFolderEntries) {
        const subject = describeSubject({ operation: 'readdir', path: parent });
        throw sftpError('limit-exceeded', `${subject}: more than ${maxSftpFolderEntries} entries`, {
          side: 'peer',
          remedy: 'Go through them one by one with opendir().',
        });
      }
      // A view would hold the whole message that it came in.
      const name = encoding === 'buffer' ? Buffer.from(bytes) : toText(bytes);
      if (!withFileTypes) found.push(name);
      else if (typeof name === 'string') found.push(new SftpDirent(name, toText(parent), attributes));
      else found.push(new SftpDirent(name, parent, attributes));
    }
    return found;
  }

  /** The entries of a folder as they come; leaving the loop early closes it. */
  async *opendir(path: SftpPath, options?: CallOptions): AsyncGenerator<SftpDirent, void, undefined> {
    const parent = toText(toPathBytes(path));
    for await (const { bytes, attributes } of this.#calls.readdir(path, options)) {
      yield new SftpDirent(toText(bytes), parent, attributes);
    }
  }

  async stat(path: SftpPath, options?: CallOptions): Promise<SftpStats> {
    return new SftpStats(await this.#calls.stat(path, options));
  }

  async lstat(path: SftpPath, options?: CallOptions): Promise<SftpStats> {
    return new SftpStats(await this.#calls.lstat(path, options));
  }

  /** Whether something is there; a link that leads nowhere is not. @throws SshError where that cannot be known. */
  async exists(path: SftpPath, options?: CallOptions): Promise<boolean> {
    try {
      await this.#calls.stat(path, options);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /**
   * Whether something is there, and for whom by its mode bits: the protocol has no question for what we may do with it.
   *
   * @param mode - 4 to read, 2 to write, 1 to execute, as in fs.constants. Where no class of users may, it is denied; whether we are
   *   of the class that may, only trying tells.
   */
  async access(path: SftpPath, mode = 0, options?: CallOptions): Promise<void> {
    const attributes = await this.#calls.stat(path, options);
    const bits = attributes.mode ?? 0o777;
    const granted = (bits | (bits >> 3) | (bits >> 6)) & 7;
    if ((granted & mode) === mode) return;
    const subject = describeSubject({ operation: 'access', path: toPathBytes(path) });
    throw sftpError('permission-denied', `${subject}: Permission denied`, { side: 'peer' });
  }

  /** Renames, and replaces what bears the new name: in one step with posix-rename@openssh.com, without it in two. */
  async rename(oldPath: SftpPath, newPath: SftpPath, options?: CallOptions): Promise<void> {
    try {
      await this.#calls.rename(oldPath, newPath, options);
    } catch (error) {
      if (this.#calls.replacesByRename || !(await this.#isFileBeside(oldPath, newPath, options))) throw error;
      // Once gone it is gone, whatever becomes of the second try: so the old one steps aside, and comes back if need be.
      const aside = Buffer.concat([toPathBytes(newPath), Buffer.from('.nacre-replaced')]);
      await this.#calls.rename(newPath, aside, options);
      try {
        await this.#calls.rename(oldPath, newPath, options);
      } catch (second) {
        await this.#calls.rename(aside, newPath).catch(() => {});
        throw second;
      }
      await this.#calls.remove(aside, options);
    }
  }

  async unlink(path: SftpPath, options?: CallOptions): Promise<void> {
    await this.#calls.remove(path, options);
  }

  async rmdir(path: SftpPath, options?: CallOptions): Promise<void> {
    await this.#calls.rmdir(path, options);
  }

  /**
   * Removes a file, or with `recursive` a folder and all that is in it. Links are removed, and never followed.
   *
   * @param options - `force`: what is not there is no error.
   */
  async rm(
    path: SftpPath,
    options: CallOptions & { readonly recursive?: boolean; readonly force?: boolean } = {},
  ): Promise<void> {
    const { recursive = false, force = false, ...more } = options;
    try {
      if (recursive) await removeTree(this.#calls, toPathBytes(path), more);
      else await this.#calls.remove(path, more);
    } catch (error) {
      if (!force || !isMissing(error)) throw error;
    }
  }

  /** Makes a folder; with `recursive` those above it too, and one that is there already is no error. */
  async mkdir(
    path: SftpPath,
    options: CallOptions & { readonly recursive?: boolean; readonly mode?: number } = {},
  ): Promise<void> {
    const { recursive = false, mode, ...more } = options;
    const attributes = mode === undefined ? {} : { mode };
    if (recursive) await this.#makeFolders(toPathBytes(path), attributes, more);
    else await this.#calls.mkdir(path, attributes, more);
  }

  async symlink(target: SftpPath, path: SftpPath, options?: CallOptions): Promise<void> {
    await this.#calls.symlink(target, path, options);
  }

  /** @throws SshError `unsupported` without hardlink@openssh.com. */
  async link(existingPath: SftpPath, newPath: SftpPath, options?: CallOptions): Promise<void> {
    await this.#calls.link(existingPath, newPath, options);
  }

  async readlink(path: SftpPath, options: Buffers & CallOptions): Promise<Buffer>;
  async readlink(path: SftpPath, options?: NameOptions): Promise<string>;
  async readlink(path: SftpPath, { encoding, ...more }: NameOptions = {}): Promise<string | Buffer> {
    const { bytes } = await this.#calls.readlink(path, more);
    return encoding === 'buffer' ? bytes : toText(bytes);
  }

  /** The absolute path. `~` and `~user` at its beginning are theirs whose homes they are. */
  async realpath(path: SftpPath, options: Buffers & CallOptions): Promise<Buffer>;
  async realpath(path: SftpPath, options?: NameOptions): Promise<string>;
  async realpath(path: SftpPath, { encoding, ...more }: NameOptions = {}): Promise<string | Buffer> {
    const { bytes } = await this.#calls.realpath(path, more);
    return encoding === 'buffer' ? bytes : toText(bytes);
  }

  async utimes(path: SftpPath, accessed: Time, modified: Time, options?: CallOptions): Promise<void> {
    await this.#calls.setStat(path, timesOf(accessed, modified), options);
  }

  /** Times of a link itself. @throws SshError `unsupported` for a link without lsetstat@openssh.com. */
  async lutimes(path: SftpPath, accessed: Time, modified: Time, options?: CallOptions): Promise<void> {
    await this.#calls.setLinkStat(path, timesOf(accessed, modified), options);
  }

  async chmod(path: SftpPath, mode: number, options?: CallOptions): Promise<void> {
    await this.#calls.setStat(path, { mode }, options);
  }

  async lchmod(path: SftpPath, mode: number, options?: CallOptions): Promise<void> {
    await this.#calls.setLinkStat(path, { mode }, options);
  }

  async chown(path: SftpPath, uid: number, gid: number, options?: CallOptions): Promise<void> {
    await this.#calls.setStat(path, { owner: { uid, gid } }, options);
  }

  async lchown(path: SftpPath, uid: number, gid: number, options?: CallOptions): Promise<void> {
    await this.#calls.setLinkStat(path, { owner: { uid, gid } }, options);
  }

  async truncate(path: SftpPath, length = 0, options?: CallOptions): Promise<void> {
    await this.#calls.setStat(path, { size: length }, options);
  }

  /** @throws SshError `unsupported` without statvfs@openssh.com. */
  async statfs(path: SftpPath, options?: CallOptions): Promise<FileSystemStatus> {
    return this.#calls.statFileSystem(path, options);
  }

  /**
   * Copies a file on the server: by itself with the extension copy-data, else by way of here.
   *
   * @param options - `exclusive`: a target that is there already is an error.
   */
  async copyFile(
    source: SftpPath,
    target: SftpPath,
    options: CallOptions & { readonly exclusive?: boolean } = {},
  ): Promise<void> {
    await copyFile(this.#calls, toPathBytes(source), toPathBytes(target), options);
  }

  /** Reads a file as a stream. `flags` as of `open`, default `r`. */
  createReadStream(path: SftpPath, options: ReadStreamOptions & { readonly flags?: OpenFlag } = {}): SftpReadStream {
    const { flags = 'r' } = options;
    return new SftpReadStream(() => this.#calls.open(path, modeOfFlag(flags)), options);
  }

  /** Writes a file as a stream. `flags` as of `open`, default `w`. */
  createWriteStream(
    path: SftpPath,
    options: WriteStreamOptions & { readonly flags?: OpenFlag; readonly mode?: number } = {},
  ): SftpWriteStream {
    const { flags = 'w', mode } = options;
    const attributes = mode === undefined ? {} : { attributes: { mode } };
    return new SftpWriteStream(() => this.#calls.open(path, modeOfFlag(flags), attributes), options);
  }

  async #makeFolders(path: Buffer, attributes: FileAttributes, options: CallOptions): Promise<void> {
    try {
      await this.#calls.mkdir(path, attributes, options);
    } catch (error) {
      if (!(error instanceof SshError) || error.side !== 'peer' || error.code === 'closed') throw error;
      if (isMissing(error) && lastName(path).length > 0 && !parentPath(path).equals(path)) {
        await this.#makeFolders(parentPath(path), {}, options);
        return this.#makeFolders(path, attributes, options);
      }
      // Servers say "failure" of a folder that is there; so they do of a file in its place.
      const there = await this.#calls.stat(path, options).catch(() => undefined);
      if (there === undefined || fileType(there) !== 'directory') throw error;
    }
  }

  async #isFileBeside(oldPath: SftpPath, newPath: SftpPath, options: CallOptions | undefined): Promise<boolean> {
    try {
      const [old, taken] = await Promise.all([
        this.#calls.lstat(oldPath, options),
        this.#calls.lstat(newPath, options),
      ]);
      return fileType(old) !== 'directory' && fileType(taken) !== 'directory';
    } catch {
      return false;
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof SshError && error.code === 'no-such-file';
}
