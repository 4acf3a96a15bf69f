/** A local file that is being written: in order, so that what is there after any end is the beginning of the file. */
import type { LocalCalls } from './local-calls.ts';
import type { Chunk, Finish, OpenTarget, TargetFile } from './side.ts';

/** Holes are made of whole blocks of this size: what file systems have. */
const blockBytes = 4096;
const zeros = Buffer.alloc(blockBytes);
/** What is handed to the system in one call, at most. */
const mostParts = 64;

export class LocalTargetFile implements TargetFile {
  readonly memory = undefined;
  readonly #fd: number;
  readonly #path: Buffer;
  readonly #calls: LocalCalls;
  readonly #isSparse: boolean;
  readonly #waiting: Chunk[] = [];
  #writtenEnd: number;
  #failure: { readonly error: unknown } | undefined;
  #writing: Promise<void> | undefined;
  #endsInHole = false;
  #isClosed = false;

  constructor(fd: number, path: Buffer, { isSparse, start }: OpenTarget, calls: LocalCalls) {
    this.#calls = calls;
    this.#fd = fd;
    this.#path = path;
    this.#isSparse = isSparse;
    this.#writtenEnd = start;
  }

  get writtenEnd(): number {
    return this.#writtenEnd;
  }

  write(chunk: Chunk): void {
    if (this.#failure !== undefined) {
      chunk.release();
      throw this.#failure.error;
    }
    this.#waiting.push(chunk);
    this.#writing ??= this.#writeWaiting();
  }

  async finish({ size, mode, times, flush }: Finish): Promise<void> {
    await this.#settled();
    // A hole at the end is only there once the length says so.
    const end = size ?? (this.#endsInHole ? this.#writtenEnd : undefined);
    if (end !== undefined) await this.#calls.truncate(this.#fd, this.#path, end);
    if (mode !== undefined) await this.#calls.setMode(this.#fd, this.#path, mode & 0o777);
    if (times !== undefined) await this.#calls.setTimes(this.#fd, this.#path, times.accessed, times.modified);
    if (flush) await this.#calls.flush(this.#fd, this.#path);
    this.#isClosed = true;
    await this.#calls.close(this.#fd, this.#path);
  }

  async abandon(): Promise<void> {
    // What has come so far is part of the beginning, unless the writing was stopped.
    await this.#settled().catch(() => {});
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#calls.truncate(this.#fd, this.#path, this.#writtenEnd).catch(() => {});
    await this.#calls.close(this.#fd, this.#path).catch(() => {});
  }

  stop(error: Error): void {
    this.#failure ??= { error };
  }

  async #settled(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** One call of the system at a time, with all that has come by then. Never rejects. */
  async #writeWaiting(): Promise<void> {
    while (this.#waiting.length > 0) {
      const chunks = this.#waiting.splice(0, mostParts);
      try {
        if (this.#failure === undefined) await this.#writeChunks(chunks);
      } catch (error) {
        this.#failure = { error };
      }
      for (const chunk of chunks) chunk.release();
    }
    this.#writing = undefined;
  }

  async #writeChunks(chunks: readonly Chunk[]): Promise<void> {
    const data = chunks.map((chunk) => chunk.data);
    if (!this.#isSparse) {
      await this.#calls.write(this.#fd, this.#path, data, this.#writtenEnd);
      this.#writtenEnd += data.reduce((sum, { length }) => sum + length, 0);
      return;
    }
    for (const part of data) await this.#writeSparse(part);
  }

  async #writeSparse(data: Buffer): Promise<void> {
    let from = 0;
    for (let at = 0; at < data.length; ) {
      const block = data.subarray(at, at + blockBytes - ((this.#writtenEnd + at - from) % blockBytes));
      // Also a part of one, where a chunk begins or ends within it: what nobody writes is zero.
      if (block.equals(zeros.subarray(0, block.length))) {
        await this.#writePart(data.subarray(from, at));
        this.#writtenEnd += block.length;
        this.#endsInHole = true;
        from = at + block.length;
      }
      at += block.length;
    }
    await this.#writePart(data.subarray(from));
  }

  async #writePart(part: Buffer): Promise<void> {
    if (part.length === 0) return;
    await this.#calls.write(this.#fd, this.#path, [part], this.#writtenEnd);
    this.#writtenEnd += part.length;
    this.#endsInHole = false;
  }
}
