/** An open file: reads and writes at positions, attributes, and a handle that is closed once. */
import { SshError } from '../errors.ts';
import type { FileAttributes } from './attributes.ts';
import { checkFile, checkFileHandle } from './extensions/check-file.ts';
import { copyData } from './extensions/copy-data.ts';
import { fstatvfs } from './extensions/fstatvfs.ts';
import { fsync } from './extensions/fsync.ts';
import { type FileSystemStatus, statvfs } from './extensions/statvfs.ts';
import * as messages from './messages.ts';
import { PipelinedReader, type ReadRange } from './pipelined-reader.ts';
import { PipelinedWriter, type WriteOptions } from './pipelined-writer.ts';
import type { CallOptions } from './requests.ts';
import type { SftpSession } from './session.ts';
import { sftpError } from './sftp-error.ts';
import { describeSubject } from './status.ts';

export interface CopyRange {
  readonly position?: number;
  readonly length?: number;
  readonly targetPosition?: number;
}

export interface DigestRange {
  readonly position?: number;
  /** 0, the default: to the end of the file. */
  readonly length?: number;
}

/** A file that is open. Calls may overlap; the server answers them in any order. */
export class SftpFile {
  /** The path that was opened, for errors. */
  readonly path: Buffer;
  readonly #session: SftpSession;
  readonly #handle: Buffer;
  #closing: Promise<void> | undefined;

  /** Made by `SftpClient.open`. */
  constructor(session: SftpSession, handle: Buffer, path: Buffer) {
    this.#session = session;
    this.#handle = handle;
    this.path = path;
  }

  /**
   * Reads with one request.
   *
   * @param byteCount - the most to give; the server may give less, and never more than its limit at once.
   * @returns the bytes, none at the end of the file.
   */
  async read(position: number, byteCount: number, options?: CallOptions): Promise<Buffer> {
    requirePosition(position);
    const length = Math.min(byteCount, this.#session.limits.readBytes);
    if (!(length > 0)) return Buffer.alloc(0);
    const data = await this.#session.read(this.#subject('read'), this.#handle, position, length, options);
    return data ?? Buffer.alloc(0);
  }

  /**
   * Writes all of the bytes, in as many requests as the server's limit wants; they must not change until it settles. When it
   * rejects, any part may have been written.
   */
  async write(position: number, bytes: Uint8Array, options?: CallOptions): Promise<void> {
    requirePosition(position);
    const { writeBytes } = this.#session.limits;
    const writes: Promise<void>[] = [];
    for (let at = 0; at < bytes.length; at += writeBytes) {
      const data = bytes.subarray(at, at + writeBytes);
      writes.push(this.#session.write(this.#subject('write'), this.#handle, position + at, data, options));
    }
    // The first that failed is what there is to tell; later ones that went well do not mend it.
    for (const outcome of await Promise.allSettled(writes)) {
      if (outcome.status === 'rejected') throw outcome.reason;
    }
  }

  async stat(options?: CallOptions): Promise<FileAttributes> {
    const fields = { handle: this.#handle };
    const reply = await this.#session.ask(this.#subject('fstat'), messages.fstat, fields, messages.attrs, options);
    return reply.attributes;
  }

  async setStat(attributes: FileAttributes, options?: CallOptions): Promise<void> {
    const fields = { handle: this.#handle, attributes };
    await this.#session.confirm(this.#subject('fsetstat'), messages.fsetstat, fields, options);
  }

  /** Has the server put what was written on its disk. @throws SshError `unsupported` without fsync@openssh.com. */
  async sync(options?: CallOptions): Promise<void> {
    await this.#session.extended(this.#subject('fsync'), fsync, { handle: this.#handle }, options);
  }

  /**
   * Reads a part of the file, or all of it, in order and with many requests under way: as many as the path to the server holds.
   *
   * @example
   * const reader = file.reader();
   * for (let chunk = await reader.next(); chunk; chunk = await reader.next()) {
   *   hash.update(chunk.data);
   *   chunk.release();
   * }
   */
  reader(range?: ReadRange): PipelinedReader {
    return new PipelinedReader(this.#session, this.#handle, this.#subject('read'), range);
  }

  /** Writes with many requests under way. */
  writer(start = 0, options?: WriteOptions): PipelinedWriter {
    requirePosition(start);
    return new PipelinedWriter(this.#session, this.#handle, this.#subject('write'), start, options);
  }

  /** The file system that the file is on. @throws SshError `unsupported` without fstatvfs@openssh.com and statvfs@openssh.com. */
  async statFileSystem(options?: CallOptions): Promise<FileSystemStatus> {
    const subject = this.#subject('statvfs');
    if (!this.#session.offers(fstatvfs)) return this.#session.extended(subject, statvfs, { path: this.path }, options);
    return this.#session.extended(subject, fstatvfs, { handle: this.#handle }, options);
  }

  /**
   * Has the server copy bytes of this file into another one that is open in the same session; they do not come this way.
   *
   * @param range - `length` 0, the default, copies to the end of the file.
   * @throws SshError `unsupported` without the extension copy-data.
   */
  async copyTo(
    target: SftpFile,
    { position = 0, length = 0, targetPosition = 0 }: CopyRange = {},
    options?: CallOptions,
  ): Promise<void> {
    for (const number of [position, length, targetPosition]) requirePosition(number);
    target.#subject('copy-data');
    if (target.#session !== this.#session) {
      throw sftpError('misuse', 'a server copies between files of one session only');
    }
    const fields = {
      readHandle: this.#handle,
      readOffset: BigInt(position),
      length: BigInt(length),
      writeHandle: target.#handle,
      writeOffset: BigInt(targetPosition),
    };
    await this.#session.extended(this.#subject('copy-data'), copyData, fields, options);
  }

  /**
   * Has the server make a digest of a part of the file, or all of it.
   *
   * @param algorithms - names of digests (`sha256`, `sha1` …), the most wanted first; the server picks one.
   * @throws SshError `unsupported` where the server does not offer check-file, or knows none of the digests.
   */
  async digest(
    algorithms: readonly string[],
    { position = 0, length = 0 }: DigestRange = {},
    options?: CallOptions,
  ): Promise<{ readonly algorithm: string; readonly digest: Buffer }> {
    const subject = this.#subject('check-file');
    const session = this.#session;
    if (!session.offers(checkFileHandle)) session.requireOffered(subject, checkFile);
    const fields = {
      handle: this.#handle,
      algorithms,
      offset: BigInt(position),
      length: BigInt(length),
      blockBytes: 0,
    };
    try {
      return await session.extendedUnasked(subject, checkFileHandle, fields, options);
    } catch (error) {
      // Some know the request by the name that they announce, and by no other.
      if (!(error instanceof SshError) || error.code !== 'unsupported') throw error;
      return session.extendedUnasked(subject, checkFile, fields, options);
    }
  }

  /** Closes the handle. A write that the server could not complete may be told here; a second call gives the first one's answer. */
  close(): Promise<void> {
    this.#closing ??= this.#session.confirm({ operation: 'close', path: this.path }, messages.close, {
      handle: this.#handle,
    });
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @throws SshError `misuse` after `close`: the server may have given the handle to another file by then. */
  #subject(operation: string) {
    const subject = { operation, path: this.path };
    if (this.#closing !== undefined) throw sftpError('misuse', `${describeSubject(subject)}: the file is closed`);
    return subject;
  }
}

function requirePosition(position: number): void {
  if (Number.isSafeInteger(position) && position >= 0) return;
  throw sftpError('misuse', `a position in a file is a whole number from 0 on, not ${position}`);
}
