/** An open file: reads and writes at positions, attributes, and a handle that is closed once. */
import type { FileAttributes } from './attributes.ts';
import { fsync } from './extensions/fsync.ts';
import * as messages from './messages.ts';
import type { CallOptions } from './requests.ts';
import type { SftpSession } from './session.ts';
import { badSftp, sftpError } from './sftp-error.ts';

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
    const reply = await this.#session.askUntilEnd(
      this.#subject('read'),
      messages.read,
      { handle: this.#handle, offset: BigInt(position), length },
      messages.data,
      options,
    );
    if (reply === undefined) return Buffer.alloc(0);
    const { data } = reply;
    // No bytes and no end: whoever reads on would read for ever.
    if (data.length === 0) throw this.#broken('the server sent no bytes, and did not say that the file ends');
    if (data.length > length) throw this.#broken(`the server sent ${data.length} bytes where ${length} were asked for`);
    return data;
  }

  /**
   * Writes all of the bytes, in as many requests as the server's limit wants. When it rejects, any part may have been written.
   */
  async write(position: number, bytes: Uint8Array, options?: CallOptions): Promise<void> {
    requirePosition(position);
    const { writeBytes } = this.#session.limits;
    const writes: Promise<void>[] = [];
    for (let at = 0; at < bytes.length; at += writeBytes) {
      const data = bytes.subarray(at, at + writeBytes) as Buffer;
      const fields = { handle: this.#handle, offset: BigInt(position + at), data };
      writes.push(this.#session.confirm(this.#subject('write'), messages.write, fields, options));
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

  /** Closes the handle. A write that the server could not complete may be told here; a second call gives the first one's answer. */
  close(): Promise<void> {
    this.#closing ??= this.#session.confirm(this.#subject('close'), messages.close, { handle: this.#handle });
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #subject(operation: string) {
    return { operation, path: this.path };
  }

  #broken(message: string) {
    const error = badSftp(`read: ${message}`);
    this.#session.requests.fail(error);
    return error;
  }
}

function requirePosition(position: number): void {
  if (Number.isSafeInteger(position) && position >= 0) return;
  throw sftpError('misuse', `a position in a file is a whole number from 0 on, not ${position}`);
}
