/** An open file, in the form of node:fs/promises. */
import { maxSftpWholeFileBytes } from '../../limits.ts';
import type { FileAttributes } from '../attributes.ts';
import type { SftpFile } from '../file.ts';
import type { CallOptions } from '../requests.ts';
import { readWhole } from '../whole-file.ts';
import { SftpStats } from './stats.ts';
import { type ReadStreamOptions, SftpReadStream, SftpWriteStream, type WriteStreamOptions } from './streams.ts';

/** A time as node:fs takes it: a date, or seconds since 1970. */
export type Time = Date | number | string;

/**
 * As FileHandle of node:fs/promises. Reads and writes without a position go on where the last such one ended.
 *
 * @example
 * await using file = await sftp.fs.open('log', 'a');
 * await file.write('a line\n');
 */
export class SftpFileHandle {
  /** The calls of the protocol on the same file. */
  readonly file: SftpFile;
  #position = 0;

  /** Made by `SftpFileSystem.open`. */
  constructor(file: SftpFile) {
    this.file = file;
  }

  /** Reads into a buffer, as many bytes as one request gives; none at the end of the file. */
  async read<T extends Uint8Array>(
    buffer: T,
    offset = 0,
    length = buffer.length - offset,
    position: number | null = null,
  ): Promise<{ bytesRead: number; buffer: T }> {
    const data = await this.file.read(position ?? this.#position, Math.min(length, buffer.length - offset));
    buffer.set(data, offset);
    if (position === null) this.#position += data.length;
    return { bytesRead: data.length, buffer };
  }

  /** Writes all of a text or a buffer, which must not change until it is done. */
  async write<T extends Uint8Array | string>(
    data: T,
    position: number | null = null,
    encoding: BufferEncoding = 'utf8',
  ): Promise<{ bytesWritten: number; buffer: T }> {
    const bytes: Uint8Array = typeof data === 'string' ? Buffer.from(data, encoding) : (data as Uint8Array);
    const at = position ?? this.#position;
    if (position === null) this.#position += bytes.length;
    await this.file.write(at, bytes);
    return { bytesWritten: bytes.length, buffer: data };
  }

  /** All from the current position on. */
  async readFile(options: ReadWholeOptions & { readonly encoding: BufferEncoding }): Promise<string>;
  async readFile(options?: ReadWholeOptions): Promise<Buffer>;
  async readFile(options: ReadWholeOptions = {}): Promise<Buffer | string> {
    const { maxBytes = maxSftpWholeFileBytes, encoding, ...callOptions } = options;
    const bytes = await readWhole(this.file, maxBytes, callOptions, this.#position);
    this.#position += bytes.length;
    return encoding === undefined ? bytes : bytes.toString(encoding);
  }

  /** Writes from the current position on; what the file held behind that stays. */
  async writeFile(data: FileData, encoding: BufferEncoding = 'utf8'): Promise<void> {
    if (typeof data === 'string' || data instanceof Uint8Array) {
      await this.write(data, null, encoding);
      return;
    }
    const stream = this.createWriteStream({ start: this.#position, autoClose: false });
    const failed = new Promise<never>((_resolve, reject) => stream.once('error', reject));
    failed.catch(() => {});
    const write = async () => {
      for await (const piece of data) {
        if (!stream.write(piece, encoding)) {
          await Promise.race([new Promise((resolve) => stream.once('drain', resolve)), failed]);
        }
      }
      await Promise.race([new Promise<void>((resolve) => stream.end(resolve)), failed]);
    };
    try {
      await Promise.race([write(), failed]);
      this.#position += stream.bytesWritten;
    } finally {
      stream.destroy();
    }
  }

  async appendFile(data: FileData, encoding: BufferEncoding = 'utf8'): Promise<void> {
    await this.writeFile(data, encoding);
  }

  async stat(options?: CallOptions): Promise<SftpStats> {
    return new SftpStats(await this.file.stat(options));
  }

  async truncate(length = 0): Promise<void> {
    await this.file.setStat({ size: length });
  }

  async chmod(mode: number): Promise<void> {
    await this.file.setStat({ mode });
  }

  async chown(uid: number, gid: number): Promise<void> {
    await this.file.setStat({ owner: { uid, gid } });
  }

  async utimes(accessed: Time, modified: Time): Promise<void> {
    await this.file.setStat(timesOf(accessed, modified));
  }

  /** @throws SshError `unsupported` without fsync@openssh.com. */
  async sync(): Promise<void> {
    await this.file.sync();
  }

  /** As `sync`: the protocol knows no difference. */
  async datasync(): Promise<void> {
    await this.file.sync();
  }

  createReadStream(options: ReadStreamOptions = {}): SftpReadStream {
    return new SftpReadStream(async () => this.file, { start: this.#position, ...options });
  }

  createWriteStream(options: WriteStreamOptions = {}): SftpWriteStream {
    return new SftpWriteStream(async () => this.file, { start: this.#position, ...options });
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What a file may be written of. */
export type FileData = string | Uint8Array | AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>;

export interface ReadWholeOptions extends CallOptions {
  readonly encoding?: BufferEncoding | undefined;
  /** A longer file is refused. Default 64 MiB. */
  readonly maxBytes?: number;
}

/** Two times as attributes, in whole seconds. */
export function timesOf(accessed: Time, modified: Time): FileAttributes {
  return { times: { accessed: secondsOf(accessed), modified: secondsOf(modified) } };
}

function secondsOf(time: Time): number {
  const seconds = time instanceof Date ? time.getTime() / 1000 : Number(time);
  // The protocol has 32 bits without a sign: 1970 to 2106.
  return Math.min(Math.max(Math.floor(seconds) || 0, 0), 0xffff_ffff);
}
