/** The client of sftp version 3: what a program does with files over a stream. */
import type { SshError } from '../errors.ts';
import { maxSftpMessageBytes, maxSftpWholeFileBytes } from '../limits.ts';
import type { FileAttributes } from './attributes.ts';
import { listFolder, type SftpEntry } from './directory.ts';
import { hardlink } from './extensions/hardlink.ts';
import { type AnnouncedLimits, limits } from './extensions/limits.ts';
import { lsetstat } from './extensions/lsetstat.ts';
import { posixRename } from './extensions/posix-rename.ts';
import { type FileSystemStatus, statvfs } from './extensions/statvfs.ts';
import { SftpFile } from './file.ts';
import * as messages from './messages.ts';
import { type SftpName, type SftpPath, toName, toPathBytes } from './name.ts';
import { type CallOptions, Requests } from './requests.ts';
import { SftpSession, type TransferLimits } from './session.ts';
import { badSftp, readingSftp, sftpError } from './sftp-error.ts';
import type { SftpStream } from './stream.ts';

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

export interface StartSftpOptions extends CallOptions {
  /** Says more about an end that the stream alone does not explain: what the server's program wrote to stderr. */
  readonly explainEnd?: () => string;
}

/**
 * Starts sftp over a stream: greets, and learns the server's extensions and limits.
 *
 * @throws SshError stage `sftp`: `bad-message` where the other end does not speak it, `unsupported` for an older version.
 * @example
 * const sftp = await startSftp(stream);
 * for await (const { text, attributes } of sftp.readdir('.')) console.log(text, attributes.size);
 */
export async function startSftp(stream: SftpStream, options: StartSftpOptions = {}): Promise<SftpClient> {
  const requests = new Requests(stream);
  if (options.explainEnd) requests.explainEnd = options.explainEnd;
  try {
    const greeting = messages.init.encode({ version: messages.sftpVersion, extensions: [] });
    const session = new SftpSession(requests, readGreeting(await requests.greet(greeting, options)));
    if (session.offers(limits)) {
      session.limits = settleLimits(await session.extended({ operation: 'limits' }, limits, {}, options));
    }
    return new SftpClient(session);
  } catch (error) {
    requests.fail(error as SshError);
    throw error;
  }
}

/** A session. Every pending call settles when it ends; each takes an AbortSignal. Names and paths are bytes; text is sent as UTF-8. */
export class SftpClient {
  readonly #session: SftpSession;

  /** Made by `startSftp` and `openSftp`. */
  constructor(session: SftpSession) {
    this.#session = session;
  }

  /** Settles when the session has ended: undefined after `close()`, else the error. Never rejects. */
  get closed(): Promise<SshError | undefined> {
    return this.#session.requests.closed;
  }

  /** Names of the extensions that the server offers, with their data (a version, mostly). */
  get extensions(): ReadonlyMap<string, Buffer> {
    return this.#session.extensions;
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
      const chunks: Buffer[] = [];
      for (let length = 0; ; ) {
        const chunk = await file.read(length, this.limits.readBytes, callOptions);
        if (chunk.length === 0) return Buffer.concat(chunks);
        length += chunk.length;
        if (length > maxBytes) {
          throw sftpError('limit-exceeded', `the file is longer than ${maxBytes} bytes`, {
            remedy: 'Raise maxBytes, or read it piece by piece.',
          });
        }
        chunks.push(chunk);
      }
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

  /** Attributes of a link itself. @throws SshError `unsupported` without lsetstat@openssh.com. */
  async setLinkStat(path: SftpPath, attributes: FileAttributes, options?: CallOptions): Promise<void> {
    const fields = { path: toPathBytes(path), attributes };
    await this.#session.extended({ operation: 'lsetstat', path: fields.path }, lsetstat, fields, options);
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
   */
  async rename(oldPath: SftpPath, newPath: SftpPath, options?: CallOptions): Promise<void> {
    const fields = { oldPath: toPathBytes(oldPath), newPath: toPathBytes(newPath) };
    const subject = { operation: 'rename', path: fields.oldPath };
    if (this.#session.offers(posixRename)) await this.#session.extended(subject, posixRename, fields, options);
    else await this.#session.confirm(subject, messages.rename, fields, options);
  }

  /** Makes a link at `linkPath` that leads to `target`. */
  async symlink(target: SftpPath, linkPath: SftpPath, options?: CallOptions): Promise<void> {
    const fields = { target: toPathBytes(target), linkPath: toPathBytes(linkPath) };
    await this.#session.confirm({ operation: 'symlink', path: fields.linkPath }, messages.symlink, fields, options);
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
    const { names } = await this.#session.ask(
      { operation, path: fields.path },
      message,
      fields,
      messages.names,
      options,
    );
    const [only] = names;
    if (only !== undefined && names.length === 1) return toName(only.name);
    const error = badSftp(`${operation}: the server gave ${names.length} names where one was asked for`);
    this.#session.requests.fail(error);
    throw error;
  }
}

function readGreeting(greeting: Buffer): Map<string, Buffer> {
  const { version, extensions } = readingSftp(() => messages.version.decode(greeting));
  if (version === messages.sftpVersion) return new Map(extensions);
  const wrong = `the server speaks sftp version ${version}, expected ${messages.sftpVersion}`;
  // Draft §4: the server answers with the lower of both versions, so a higher one breaks the rule.
  throw version < messages.sftpVersion ? sftpError('unsupported', wrong, { side: 'peer' }) : badSftp(wrong);
}

/** What stands around the data in a READ's reply or a WRITE. */
const transferHeadBytes = 1024;

function settleLimits({ packetBytes, readBytes, writeBytes, openHandles }: AnnouncedLimits): TransferLimits {
  const most = BigInt(maxSftpMessageBytes - transferHeadBytes);
  const packet = packetBytes > BigInt(2 * transferHeadBytes) ? packetBytes - BigInt(transferHeadBytes) : most;
  const settle = (announced: bigint) => {
    const own = announced === 0n ? most : announced;
    return Number([own, packet, most].reduce((least, one) => (one < least ? one : least)));
  };
  return {
    readBytes: settle(readBytes),
    writeBytes: settle(writeBytes),
    openHandles: openHandles === 0n ? undefined : Number(openHandles),
  };
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
