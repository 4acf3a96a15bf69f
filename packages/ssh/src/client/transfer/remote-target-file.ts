/** A server's file that is being written: requests leave in order, so what is there after any end is the beginning of the file. */
import { SshError } from '../../errors.ts';
import type { Budget, PipelinedWriter, SftpClient, SftpFile } from '../../sftp/index.ts';
import { attributesOf } from './remote-attributes.ts';
import type { Chunk, Finish, MemorySource, OpenTarget, TargetFile } from './side.ts';

/** How long a server may take to cut a file that was given up. */
const abandonMs = 3000;
/** A round trip from here on is worth saving. */
const longPathMs = 30;

export class RemoteTargetFile implements TargetFile {
  readonly memory: MemorySource;
  readonly #client: SftpClient;
  readonly #file: SftpFile;
  readonly #writer: PipelinedWriter;
  readonly #isSparse: boolean;
  #sentEnd: number;
  #endsInHole = false;
  /** The handle may be gone. */
  #isClosing = false;

  /** @param client - whose file it is. */
  constructor(client: SftpClient, file: SftpFile, budget: Budget, { isSparse, start }: OpenTarget) {
    this.#client = client;
    this.#file = file;
    const writer = file.writer(start, { budget });
    this.#writer = writer;
    this.#isSparse = isSparse;
    this.#sentEnd = start;
    this.memory = {
      chunkBytes: writer.chunkBytes,
      take: async (bytes) => {
        await writer.room(bytes);
        return writer.frame(bytes);
      },
      give: (memory, bytes) => writer.giveBack(memory, bytes),
    };
  }

  get writtenEnd(): number {
    // Holes at the end are not there before the length says so.
    return this.#endsInHole ? this.#writer.confirmedEnd : Math.min(this.#writer.confirmedEnd, this.#sentEnd);
  }

  write(chunk: Chunk): void {
    const { position, data, memory } = chunk;
    try {
      this.#writer.requireGood();
    } catch (error) {
      chunk.release();
      throw error;
    }
    this.#sentEnd = position + data.length;
    this.#endsInHole = this.#isSparse && isZero(data);
    if (this.#endsInHole) {
      chunk.release();
      return;
    }
    if (memory === undefined) this.#writer.send(position, data, chunk.release);
    else this.#writer.sendFrame(position, memory, data.length, chunk.release);
  }

  async finish({ size, mode, times, flush }: Finish): Promise<void> {
    const end = size ?? (this.#endsInHole ? this.#sentEnd : undefined);
    const attributes = { ...(end !== undefined && { size: end }), ...attributesOf({ mode, times }) };
    const hasAttributes = Object.keys(attributes).length > 0;
    // The server keeps the order of what concerns one file, so nothing has to be waited for in between (draft §6.1): a small
    // file costs two round trips. A large one may fail in the middle, and is then cut where it is whole: through its handle, and by its
    // name where waiting for all answers with the handle open costs more than that risks.
    const isFar = (this.#client.roundTripMs ?? 0) >= longPathMs;
    if (flush || (this.#sentEnd > this.memory.chunkBytes && !isFar)) await this.#writer.settled();
    this.#isClosing = true;
    const outcomes = await Promise.allSettled([
      this.#writer.settled(),
      hasAttributes ? this.#file.setStat(attributes) : undefined,
      flush ? this.#flush() : undefined,
      this.#file.close(),
    ]);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async abandon(): Promise<void> {
    // Best effort: where the session is gone, its server has written what it read, in order; and one that has stopped answering
    // must not keep the transfer from ending.
    const late = new Promise<void>((resolve) => {
      setTimeout(resolve, abandonMs).unref();
    });
    await Promise.race([this.#cut(), late]);
    this.stop(new Error('the writing was given up'));
  }

  stop(error: Error): void {
    this.#writer.stop(error);
  }

  /** What was sent so far is part of the beginning, unless the writing was stopped. */
  async #cut(): Promise<void> {
    await this.#writer.settled().catch(() => {});
    const size = this.writtenEnd;
    if (this.#isClosing) await this.#file.close().catch(() => {});
    const cut = this.#isClosing ? this.#client.setStat(this.#file.path, { size }) : this.#file.setStat({ size });
    await Promise.allSettled([cut, this.#file.close()]);
  }

  async #flush(): Promise<void> {
    try {
      await this.#file.sync();
    } catch (error) {
      if (!(error instanceof SshError) || error.code !== 'unsupported') throw error;
    }
  }
}

function isZero(data: Buffer): boolean {
  // Compared with itself, shifted by one byte: all are as the first is.
  return data[0] === 0 && data.compare(data, 0, data.length - 1, 1) === 0;
}
