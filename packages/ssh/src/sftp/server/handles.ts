/** The handles of one session: numbers that are given once and never again. */
import { fileError } from './failure.ts';
import type { Awaitable, DirectoryEntry, DirectoryHandle, FileHandle } from './file-system.ts';
import type { Answer } from './reply.ts';
import type { ReplyOrder } from './reply-order.ts';

export interface OpenFile {
  readonly kind: 'file';
  readonly path: Buffer;
  readonly handle: FileHandle;
  /** What requests about the same file have in common. */
  readonly key: unknown;
  readonly append: boolean;
  /** The replies to its writes. */
  readonly writeReplies: ReplyOrder<Answer>;
  bytesRead: number;
  bytesWritten: number;
}

export interface OpenDirectory {
  readonly kind: 'directory';
  readonly path: Buffer;
  readonly handle: DirectoryHandle;
  /** Entries that were read and did not fit the last reply. */
  readonly left: DirectoryEntry[];
}

export type OpenHandle = OpenFile | OpenDirectory;

/** Handles by number. */
export class HandleTable {
  readonly #open = new Map<number, OpenHandle>();
  readonly #max: number;
  #opening = 0;
  #next = 0;
  #isClosed = false;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Opens something and gives it a number. The place is taken before the opening begins, so that thousands of requests sent at
   * once find the same limit as thousands sent one by one.
   */
  add(open: () => Awaitable<OpenHandle>): Awaitable<number> {
    if (this.#open.size + this.#opening >= this.#max) throw fileError('EMFILE');
    const opening = open();
    return opening instanceof Promise ? this.#addLater(opening) : this.#give(opening);
  }

  async #addLater(opening: Promise<OpenHandle>): Promise<number> {
    this.#opening++;
    try {
      const opened = await opening;
      if (!this.#isClosed) return this.#give(opened);
      await opened.handle.close();
      throw fileError('EBADF');
    } finally {
      this.#opening--;
    }
  }

  #give(opened: OpenHandle): number {
    // A number that was just closed is not given again soon: a late request would reach another file.
    while (this.#open.has(this.#next)) this.#next = (this.#next + 1) >>> 0;
    const number = this.#next;
    this.#next = (number + 1) >>> 0;
    this.#open.set(number, opened);
    return number;
  }

  get(handle: Buffer): OpenHandle | undefined {
    return handle.length === 4 ? this.#open.get(handle.readUInt32BE(0)) : undefined;
  }

  file(handle: Buffer): OpenFile | undefined {
    const found = this.get(handle);
    return found?.kind === 'file' ? found : undefined;
  }

  /** Forgets a handle; closing it is the caller's. */
  take(handle: Buffer): OpenHandle | undefined {
    const found = this.get(handle);
    if (found !== undefined) this.#open.delete(handle.readUInt32BE(0));
    return found;
  }

  /** Takes all that are left, and has whatever is still being opened closed at once. */
  takeAll(): OpenHandle[] {
    this.#isClosed = true;
    const left = [...this.#open.values()];
    this.#open.clear();
    return left;
  }
}
