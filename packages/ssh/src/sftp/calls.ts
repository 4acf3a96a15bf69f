/** The calls of an sftp client: a message each, or a few. */
import type { SshError } from '../errors.ts';
import { maxSftpWholeFileBytes } from '../limits.ts';
import { type FileAttributes, fileType } from './attributes.ts';
import { listFolder, type SftpEntry } from './directory.ts';
import { expandPath } from './extensions/expand-path.ts';
import { hardlink } from './extensions/hardlink.ts';
import { homeDirectory } from './extensions/home-directory.ts';
import { lsetstat } from './extensions/lsetstat.ts';
import { posixRename } from './extensions/posix-rename.ts';
import { type FileSystemStatus, statvfs } from './extensions/statvfs.ts';
import { usersGroupsById } from './extensions/users-groups-by-id.ts';
import { SftpFile } from './file.ts';
import * as messages from './messages.ts';
import { type SftpName, type SftpPath, toPathBytes } from './name.ts';
import type { CallOptions } from './requests.ts';
import type { SftpSession, TransferLimits } from './session.ts';
import { badSftp } from './sftp-error.ts';
import { hasLinkFirst } from './vendor.ts';
import { readWhole } from './whole-file.ts';

/** What OPEN is to do. Without `read` or `write` it reads. */
export interface OpenMode {
  readonly read?: boolean;
  readonly write?: boolean;
  /** Every write goes to the end, wherever that is by then. */
  readonly append?: boolean;
  readonly create?: boolean;
  /** Empties a file that is there. */
  readonly truncate?: boolean;
  /** With `create`: fails where the file is there already. */
  readonly exclusive?: boolean;
}

export interface OpenFileOptions extends CallOptions {
  /** For a file that is created: its mode, less what the server's umask takes away. */
  readonly attributes?: FileAttributes;
}

/** What a session can do, message by message. */
export class SftpCalls {
  readonly #session: SftpSession;

  constructor(session: SftpSession) {
    this.#session = session;
  }

  /** Settles when the session has ended: undefined after `close()`, else the error. Never rejects. */
  get closed(): Promise<SshError | undefined> {
    return this.#session.requests.closed;
  }

  /** Whether the session has ended: no call can succeed any more. */
  get isEnded(): boolean {
    return this.#session.requests.isEnded;
  }

  /** Bytes that should be under way to use all of the path to the server, as far as it was measured. */
  get windowBytes(): number {
    return this.#session.path.bytes;
  }

  /** The shortest time from a request without data to its answer, in milliseconds; undefined before there was one. */
  get roundTripMs(): number | undefined {
    return this.#session.path.roundTripMs;
  }

  /** Names of the extensions that the server offers, with their data (a version, mostly). */
  get extensions(): ReadonlyMap<string, Buffer> {
    return this.#session.extensions;
  }

  /** Whether `rename` replaces what bears the new name. */
  get replacesByRename(): boolean {
    return this.#session.offers(posixRename);
  }

  get limits(): TransferLimits {
    return this.#session.limits;
  }

  /**
   * Opens a file.
   *
   * @example
   * await using file = await sftp.open('notes.txt', { write: true, create: true, append: true });
   * await file.write(0, Buffer.from('a line\n'));
   */
  async open(path: SftpPath, mode: OpenMode = {}, options: OpenFileOptions = {}): Promise<SftpFile> {
    const bytes = toPathBytes(path);
    const { attributes = {}, ...callOptions } = options;
    const fields = { path: bytes, flags: flagsOf(mode), attributes };
    const handle = await this.#session.openHandle(
      { operation: 'open', path: bytes },
      messages.open,
      fields,
      callOptions,
    );
    return new SftpFile(this.#session, handle, bytes);
  }

  /**
   * Reads a whole file.
   *
   * @param options - `maxBytes`: a longer file is refused. Default 64 MiB.
   */
  async readFile(path: SftpPath, options: CallOptions & { readonly maxBytes?: number } = {}): Promise<Buffer> {
    const { maxBytes = maxSftpWholeFileBytes, ...callOptions } = options;
    const file = await this.open(path, { read: true }, callOptions);
    try {
      return await readWhole(file, maxBytes, callOptions);
    } finally {
      await file.close().catch(() => {});
    }
  }

  /** The entries of a folder, `.` and `..` left out. Leaving the loop early closes the handle. */
  readdir(path: SftpPath, options?: CallOptions): AsyncGenerator<SftpEntry, void, undefined> {
    return listFolder(this.#session, toPathBytes(path), options);
  }

  /** What a path leads to. */
  async stat(path: SftpPath, options?: CallOptions): Promise<FileAttributes> {
    return this.#askAttributes('stat', messages.stat, path, options);
  }

  /** A link itself, and not what it leads to. */
  async lstat(path: SftpPath, options?: CallOptions): Promise<FileAttributes> {
    return this.#askAttributes('lstat', messages.lstat, path, options);
  }

  async setStat(path: SftpPath, attributes: FileAttributes, options?: CallOptions): Promise<void> {
    const fields = { path: toPathBytes(path), attributes };
    await this.#session.confirm({ operation: 'setstat', path: fields.path }, messages.setstat, fields, options);
  }

  /**
   * Attributes of a link itself. Without lsetstat@openssh.com it does for all that is no link.
   *
   * @throws SshError `unsupported` for a link where the server does not offer the extension.
   */
  async setLinkStat(path: SftpPath, attributes: FileAttributes, options?: CallOptions): Promise<void> {
    const fields = { path: toPathBytes(path), attributes };
    const subject = { operation: 'lsetstat', path: fields.path };
    if (!this.#session.offers(lsetstat)) {
      if (fileType(await this.lstat(path, options)) === 'symlink') this.#session.requireOffered(subject, lsetstat);
      return this.setStat(path, attributes, options);
    }
    await this.#session.extended(subject, lsetstat, fields, options);
  }

  async mkdir(path: SftpPath, attributes: FileAttributes = {}, options?: CallOptions): Promise<void> {
    const fields = { path: toPathBytes(path), attributes };
    await this.#session.confirm({ operation: 'mkdir', path: fields.path }, messages.mkdir, fields, options);
  }

  /** Removes an empty folder. */
  async rmdir(path: SftpPath, options?: CallOptions): Promise<void> {
    const fields = { path: toPathBytes(path) };
    await this.#session.confirm({ operation: 'rmdir', path: fields.path }, messages.rmdir, fields, options);
  }

  /** Removes a file. */
  async remove(path: SftpPath, options?: CallOptions): Promise<void> {
    const fields = { path: toPathBytes(path) };
    await this.#session.confirm({ operation: 'remove', path: fields.path }, messages.remove, fields, options);
  }

  /**
   * Renames. With posix-rename@openssh.com what bears the new name is replaced in one step; without it the server most often
   * refuses a name that is taken.
   *
   * @param options - `replaces` false: by the protocol's own request, as if the extension were not there.
   */
  async rename(
    oldPath: SftpPath,
    newPath: SftpPath,
    options: CallOptions & { readonly replaces?: boolean } = {},
  ): Promise<void> {
    const fields = { oldPath: toPathBytes(oldPath), newPath: toPathBytes(newPath) };
    const subject = { operation: 'rename', path: fields.oldPath };
    if (options.replaces !== false && this.#session.offers(posixRename))
      await this.#session.extended(subject, posixRename, fields, options);
    else await this.#session.confirm(subject, messages.rename, fields, options);
  }

  /** Makes a link at `linkPath` that leads to `target`. */
  async symlink(target: SftpPath, linkPath: SftpPath, options?: CallOptions): Promise<void> {
    const fields = { target: toPathBytes(target), linkPath: toPathBytes(linkPath) };
    const swapped = { target: fields.linkPath, linkPath: fields.target };
    const sent = hasLinkFirst(this.#session.extensions) ? swapped : fields;
    await this.#session.confirm({ operation: 'symlink', path: fields.linkPath }, messages.symlink, sent, options);
  }

  /** Gives a file a second name. @throws SshError `unsupported` without hardlink@openssh.com. */
  async link(oldPath: SftpPath, newPath: SftpPath, options?: CallOptions): Promise<void> {
    const fields = { oldPath: toPathBytes(oldPath), newPath: toPathBytes(newPath) };
    await this.#session.extended({ operation: 'link', path: fields.newPath }, hardlink, fields, options);
  }

  /** The absolute path that the server makes of one; `.` is where the session starts. */
  async realpath(path: SftpPath, options?: CallOptions): Promise<SftpName> {
    return this.#askName('realpath', messages.realpath, path, options);
  }

  /**
   * As `realpath`, for paths that may begin with `~` or `~user`. Without expand-path@openssh.com, `~` is where the session starts.
   *
   * @throws SshError `unsupported` for another user's home where the server offers no extension that tells it.
   */
  async expandPath(path: SftpPath, options?: CallOptions): Promise<SftpName> {
    const bytes = toPathBytes(path);
    const subject = { operation: 'expand-path', path: bytes };
    if (bytes[0] !== 0x7e) return this.realpath(bytes, options);
    if (this.#session.offers(expandPath)) {
      return this.#session.extendedName(subject, expandPath, { path: bytes }, options);
    }
    const slash = bytes.indexOf(0x2f);
    const user = bytes.subarray(1, slash < 0 ? bytes.length : slash);
    const below = slash < 0 ? Buffer.alloc(0) : bytes.subarray(slash);
    const home = await this.homeDirectory(user, options);
    return this.realpath(Buffer.concat([home.bytes, below]), options);
  }

  /**
   * The home of a user; of whoever is logged in where none is named.
   *
   * @throws SshError `unsupported` for another user where the server offers neither home-directory nor expand-path@openssh.com.
   */
  async homeDirectory(user: SftpPath = '', options?: CallOptions): Promise<SftpName> {
    const bytes = toPathBytes(user);
    const subject = { operation: 'home-directory', path: bytes };
    if (this.#session.offers(homeDirectory)) {
      return this.#session.extendedName(subject, homeDirectory, { user: bytes }, options);
    }
    if (bytes.length === 0) return this.realpath('.', options);
    const path = Buffer.concat([Buffer.from('~'), bytes]);
    return this.#session.extendedName(subject, expandPath, { path }, options);
  }

  /**
   * Names of users and groups by their numbers, an empty one for each that the server does not know.
   *
   * @throws SshError `unsupported` without users-groups-by-id@openssh.com.
   */
  async namesOf(
    ids: { readonly users?: readonly number[]; readonly groups?: readonly number[] },
    options?: CallOptions,
  ): Promise<{ readonly users: readonly Buffer[]; readonly groups: readonly Buffer[] }> {
    const { users = [], groups = [] } = ids;
    const names = await this.#session.extended(
      { operation: 'users-groups-by-id' },
      usersGroupsById,
      { users, groups },
      options,
    );
    if (names.users.length === users.length && names.groups.length === groups.length) return names;
    throw badSftp('users-groups-by-id: the server gave another number of names than was asked for');
  }

  /** Where a link leads to, as it stands in the link. */
  async readlink(path: SftpPath, options?: CallOptions): Promise<SftpName> {
    return this.#askName('readlink', messages.readlink, path, options);
  }

  /** The file system that a path is on. @throws SshError `unsupported` without statvfs@openssh.com. */
  async statFileSystem(path: SftpPath, options?: CallOptions): Promise<FileSystemStatus> {
    const fields = { path: toPathBytes(path) };
    return this.#session.extended({ operation: 'statvfs', path: fields.path }, statvfs, fields, options);
  }

  /** Ends the session. What still waits fails with `closed`. */
  close(): void {
    this.#session.requests.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  async #askAttributes(
    operation: string,
    message: typeof messages.stat,
    path: SftpPath,
    options: CallOptions | undefined,
  ): Promise<FileAttributes> {
    const fields = { path: toPathBytes(path) };
    const subject = { operation, path: fields.path };
    return (await this.#session.ask(subject, message, fields, messages.attrs, options)).attributes;
  }

  async #askName(
    operation: string,
    message: typeof messages.realpath,
    path: SftpPath,
    options: CallOptions | undefined,
  ): Promise<SftpName> {
    const fields = { path: toPathBytes(path) };
    return this.#session.askName({ operation, path: fields.path }, message, fields, options);
  }
}

function flagsOf({ read, write, append, create, truncate, exclusive }: OpenMode): number {
  const { openFlags } = messages;
  return (
    (read || !(write || append) ? openFlags.read : 0) |
    (write || append ? openFlags.write : 0) |
    (append ? openFlags.append : 0) |
    (create ? openFlags.create : 0) |
    (truncate ? openFlags.truncate : 0) |
    (exclusive ? openFlags.exclusive : 0)
  );
}
