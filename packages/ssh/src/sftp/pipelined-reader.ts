/** Reads a file in order, with many requests under way. */
import { Budget } from './budget.ts';
import type { SftpSession } from './session.ts';
import { sftpError } from './sftp-error.ts';
import type { Subject } from './status.ts';

export interface ReadRange {
  /** Where to begin. Default 0. */
  readonly start?: number;
  /** Where to stop, if the file does not end before. */
  readonly end?: number | undefined;
  /** Where the file is said to end: up to there many requests go out at once, behind it one after the other. */
  readonly expectedEnd?: number | undefined;
  /** What the reader shares with others. By default it has as much as the path holds. */
  readonly budget?: Budget;
}

/** Bytes that were read. Whoever is done with them says so, or the reader stops when its budget is used up. */
export interface ReadChunk {
  readonly position: number;
  readonly data: Buffer;
  /** Nobody looks at the bytes any more: their memory is used again. Called once. */
  release(): void;
  /** Gives back the bytes' share of the budget, and leaves their memory to who has them. Called once, in place of `release`. */
  keep(): void;
}

/** One request, and what came for it so far; where less came than was asked for, the rest is asked for again. */
interface Slot {
  readonly position: number;
  readonly parts: Buffer[];
  bytes: number;
  gotBytes: number;
  takenBytes: number;
  isDone: boolean;
  error: unknown;
}

/** A server that gives less than this at once is not asked for less. */
const smallestChunkBytes = 512;

/** A run of reads through an open file. `next` gives the bytes in their order; `stop` ends it. */
export class PipelinedReader {
  readonly #session: SftpSession;
  readonly #handle: Buffer;
  readonly #subject: Subject;
  readonly #budget: Budget;
  readonly #end: number;
  readonly #expectedEnd: number;
  readonly #slots: Slot[] = [];
  #position: number;
  #chunkBytes: number;
  /** Where the server said that the file ends. */
  #fileEnd = Number.POSITIVE_INFINITY;
  #failed = false;
  #isStopped = false;
  #reason: Error | undefined;
  #isWaiting = false;
  #wake: () => void = () => {};

  /** Made by `SftpFile.reader`. */
  constructor(session: SftpSession, handle: Buffer, subject: Subject, range: ReadRange = {}) {
    this.#session = session;
    this.#handle = handle;
    this.#subject = subject;
    this.#budget = range.budget ?? new Budget(() => session.path.bytes);
    this.#position = range.start ?? 0;
    this.#end = range.end ?? Number.MAX_SAFE_INTEGER;
    this.#expectedEnd = Math.min(range.expectedEnd ?? Number.MAX_SAFE_INTEGER, this.#end);
    this.#chunkBytes = session.limits.readBytes;
  }

  /** The next bytes; undefined at the end. */
  async next(): Promise<ReadChunk | undefined> {
    for (;;) {
      if (this.#isStopped) throw this.#reason ?? sftpError('closed', 'the reading was stopped here');
      this.#fill();
      const slot = this.#slots[0];
      if (slot === undefined) {
        if (this.#position >= Math.min(this.#end, this.#fileEnd)) return undefined;
        // There is more, and no room for it before what was given out is given back.
        await this.#woken();
        continue;
      }
      const data = slot.parts.shift();
      if (data !== undefined) return this.#chunk(slot, data);
      if (slot.error !== undefined) throw slot.error as Error;
      if (slot.isDone) {
        this.#slots.shift();
        if (slot.position + slot.gotBytes < this.#fileEnd) continue;
        this.stop();
        return undefined;
      }
      await this.#woken();
    }
  }

  /** Ends the run: what comes in later is dropped. */
  stop(reason?: Error): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#reason = reason;
    for (const slot of this.#slots) this.#drop(slot);
    this.#wake();
  }

  #fill(): void {
    if (this.#isStopped || this.#failed) return;
    for (;;) {
      const end = Math.min(this.#end, this.#fileEnd);
      if (this.#position >= end) return;
      const isBeyond = this.#position >= this.#expectedEnd;
      if (isBeyond && this.#slots.some(({ isDone }) => !isDone)) return;
      const bytes = Math.min(this.#chunkBytes, (isBeyond ? end : Math.min(end, this.#expectedEnd)) - this.#position);
      if (!this.#budget.tryTake(bytes)) {
        this.#session.path.noteFull();
        this.#waitForRoom();
        return;
      }
      const slot: Slot = {
        position: this.#position,
        parts: [],
        bytes,
        gotBytes: 0,
        takenBytes: 0,
        isDone: false,
        error: undefined,
      };
      this.#position += bytes;
      this.#slots.push(slot);
      void this.#ask(slot);
    }
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #waitForRoom(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#budget.onRoom(() => {
      this.#isWaiting = false;
      this.#fill();
      this.#wake();
    });
  }

  async #ask(slot: Slot): Promise<void> {
    const { path } = this.#session;
    try {
      for (let isFirst = true; slot.gotBytes < slot.bytes; isFirst = false) {
        const missing = slot.bytes - slot.gotBytes;
        const departure = path.depart(missing);
        const position = slot.position + slot.gotBytes;
        const data = await this.#session.read(this.#subject, this.#handle, position, missing);
        path.arrive(departure, data?.length ?? 0);
        if (data === undefined) {
          this.#fileEnd = Math.min(this.#fileEnd, position);
          break;
        }
        // It had more to give than it gave at once: it is asked for as much as it gives.
        if (!isFirst) this.#chunkBytes = Math.min(this.#chunkBytes, Math.max(smallestChunkBytes, slot.gotBytes));
        slot.gotBytes += data.length;
        slot.parts.push(data);
        if (this.#isStopped) break;
        this.#wake();
      }
    } catch (error) {
      slot.error = error;
      this.#failed = true;
    }
    this.#budget.give(slot.bytes - slot.gotBytes);
    slot.bytes = slot.gotBytes;
    slot.isDone = true;
    if (this.#isStopped) this.#drop(slot);
    else this.#fill();
    this.#wake();
  }

  #chunk(slot: Slot, data: Buffer): ReadChunk {
    const position = slot.position + slot.takenBytes;
    slot.takenBytes += data.length;
    const bytes = data.length;
    return {
      position,
      data,
      release: () => {
        this.#session.recycle(data);
        this.#budget.give(bytes);
      },
      keep: () => this.#budget.give(bytes),
    };
  }

  #drop(slot: Slot): void {
    for (const part of slot.parts.splice(0)) {
      this.#budget.give(part.length);
      this.#session.recycle(part);
    }
  }
}
