/** Files as Node's streams: back-pressure reaches the server, and many requests are under way behind it. */
import { Readable, Writable } from 'node:stream';
import type { SftpFile } from '../file.ts';
import type { PipelinedReader } from '../pipelined-reader.ts';
import type { PipelinedWriter } from '../pipelined-writer.ts';
import { sftpError } from '../sftp-error.ts';

export interface ReadStreamOptions {
  /** The first byte to read. Default 0. */
  readonly start?: number;
  /** The last byte to read, as in node:fs. Default: the end of the file. */
  readonly end?: number;
  readonly encoding?: BufferEncoding;
  readonly highWaterMark?: number;
  readonly signal?: AbortSignal;
  /** Close the file when the stream ends. Default true. */
  readonly autoClose?: boolean;
}

export interface WriteStreamOptions {
  /** Where to begin. Default 0; without effect on a file that is open for appending. */
  readonly start?: number;
  readonly highWaterMark?: number;
  readonly signal?: AbortSignal;
  /** Close the file when the stream ends. Default true. */
  readonly autoClose?: boolean;
}

type Done = (error?: Error | null) => void;

/** Opens the file that a stream is of. */
type OpenFile = () => Promise<SftpFile>;

/** Reads ahead as far as the path to the server holds; while nobody reads, nothing is asked for. */
export class SftpReadStream extends Readable {
  /** Bytes read so far. */
  bytesRead = 0;
  readonly #open: OpenFile;
  readonly #start: number;
  readonly #end: number | undefined;
  readonly #autoClose: boolean;
  #file: SftpFile | undefined;
  #reader: PipelinedReader | undefined;
  #isReading = false;
  #isWanted = false;

  constructor(open: OpenFile, options: ReadStreamOptions = {}) {
    const { encoding, highWaterMark, signal } = options;
    super({
      ...(encoding !== undefined && { encoding }),
      ...(highWaterMark !== undefined && { highWaterMark }),
      ...(signal !== undefined && { signal }),
    });
    this.#open = open;
    this.#start = options.start ?? 0;
    this.#end = options.end === undefined ? undefined : options.end + 1;
    this.#autoClose = options.autoClose ?? true;
  }

  override _construct(done: Done): void {
    this.#begin().then(() => done(), done);
  }

  override _read(): void {
    this.#isWanted = true;
    if (!this.#isReading) this.#readOn().catch((error: Error) => this.destroy(error));
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#reader?.stop();
    if (this.#file === undefined || !this.#autoClose) done(error);
    else
      this.#file.close().then(
        () => done(error),
        (cause: Error) => done(error ?? cause),
      );
  }

  async #begin(): Promise<void> {
    const file = await this.#open();
    this.#file = file;
    // A device, or a server that cannot tell: read one after the other until it ends.
    const { size = 0 } = await file.stat().catch(() => ({ size: 0 }));
    this.#reader = file.reader({ start: this.#start, end: this.#end, expectedEnd: size });
  }

  async #readOn(): Promise<void> {
    this.#isReading = true;
    while (this.#isWanted) {
      const chunk = await this.#reader?.next();
      if (this.destroyed) return;
      if (chunk === undefined) {
        this.push(null);
        return;
      }
      this.bytesRead += chunk.data.length;
      chunk.keep();
      // Whoever reads may ask for more within the call, or a moment later: neither must be missed.
      this.#isWanted = false;
      if (this.push(chunk.data)) this.#isWanted = true;
    }
    this.#isReading = false;
  }
}

/** Writes with many requests under way; a failure of any of them is the stream's. */
export class SftpWriteStream extends Writable {
  /** Bytes handed to the server so far. */
  bytesWritten = 0;
  readonly #open: OpenFile;
  readonly #autoClose: boolean;
  #position: number;
  #file: SftpFile | undefined;
  #writer: PipelinedWriter | undefined;

  constructor(open: OpenFile, options: WriteStreamOptions = {}) {
    const { highWaterMark = 64 * 1024, signal } = options;
    super({ highWaterMark, decodeStrings: true, ...(signal !== undefined && { signal }) });
    this.#open = open;
    this.#position = options.start ?? 0;
    this.#autoClose = options.autoClose ?? true;
  }

  override _construct(done: Done): void {
    this.#open().then((file) => {
      this.#file = file;
      this.#writer = file.writer(this.#position);
      done();
    }, done);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#write([chunk]).then(() => done(), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: Done): void {
    this.#write(chunks.map(({ chunk }) => chunk)).then(() => done(), done);
  }

  override _final(done: Done): void {
    (this.#writer?.settled() ?? Promise.resolve()).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: Done): void {
    // Before the handle is closed: the server may give it to another file.
    this.#writer?.stop(error ?? sftpError('closed', 'the stream was destroyed'));
    if (this.#file === undefined || !this.#autoClose) done(error);
    else
      this.#file.close().then(
        () => done(error),
        (cause: Error) => done(error ?? cause),
      );
  }

  /** Copies into requests as large as the server takes them: whoever writes may use the memory again after the callback. */
  async #write(chunks: readonly Buffer[]): Promise<void> {
    const writer = this.#writer as PipelinedWriter;
    let missing = chunks.reduce((sum, { length }) => sum + length, 0);
    let index = 0;
    let offset = 0;
    while (missing > 0) {
      const bytes = Math.min(missing, writer.chunkBytes);
      await writer.room(bytes);
      const frame = writer.frame(bytes);
      for (let filled = 0; filled < bytes; ) {
        const chunk = chunks[index] as Buffer;
        const copied = chunk.copy(frame.data, filled, offset, offset + bytes - filled);
        filled += copied;
        offset += copied;
        if (offset < chunk.length) break;
        index++;
        offset = 0;
      }
      writer.sendFrame(this.#position, frame, bytes);
      this.#position += bytes;
      this.bytesWritten += bytes;
      missing -= bytes;
    }
  }
}
