/** Writes a file, with many requests under way; the first failure is kept. */
import { Budget } from './budget.ts';
import { writeHeadBytes } from './hot-messages.ts';
import type { SftpSession } from './session.ts';
import type { Subject } from './status.ts';

export interface WriteOptions {
  /** What the writer shares with others. By default it has as much as the path holds. */
  readonly budget?: Budget;
}

/** Memory for one request: what is filled into `data` goes out without being copied. */
export interface WriteFrame {
  readonly frame: Buffer;
  readonly data: Buffer;
}

interface Sent {
  readonly end: number;
  isConfirmed: boolean;
}

/** A run of writes through an open file. Requests go out in the order of the calls. */
export class PipelinedWriter {
  readonly #session: SftpSession;
  readonly #handle: Buffer;
  readonly #subject: Subject;
  readonly budget: Budget;
  readonly #underWay: Sent[] = [];
  #failure: { readonly error: unknown } | undefined;
  #confirmedEnd: number;
  #isStopped = false;
  #wake: () => void = () => {};
  #wakeWaiter: () => void = () => {};

  /** Made by `SftpFile.writer`. */
  constructor(session: SftpSession, handle: Buffer, subject: Subject, start = 0, options: WriteOptions = {}) {
    this.#session = session;
    this.#handle = handle;
    this.#subject = subject;
    this.budget = options.budget ?? new Budget(() => session.path.bytes);
    this.#confirmedEnd = start;
  }

  /** The most that one request may hold. */
  get chunkBytes(): number {
    return this.#session.limits.writeBytes;
  }

  /** All that was written before this position has been confirmed by the server; for writes that follow upon one another. */
  get confirmedEnd(): number {
    return this.#confirmedEnd;
  }

  /** Room for so many bytes in the budget, as soon as there is. @throws the first failure. */
  async room(bytes: number): Promise<void> {
    while (!this.budget.tryTake(bytes)) {
      this.requireGood();
      this.#session.path.noteFull();
      await new Promise<void>((resolve) => {
        this.#wakeWaiter = resolve;
        this.budget.onRoom(resolve);
      });
    }
    if (this.#failure === undefined) return;
    this.budget.give(bytes);
    throw this.#failure.error;
  }

  /** Memory for a request of so many bytes. */
  frame(bytes: number): WriteFrame {
    const head = writeHeadBytes(this.#handle);
    const frame = this.#session.requests.memory(head + bytes);
    return { frame, data: frame.subarray(head) };
  }

  /** Takes back a frame that was not sent, and its share of the budget. */
  giveBack({ frame }: WriteFrame, bytes: number): void {
    this.#session.recycle(frame);
    this.budget.give(bytes);
  }

  /**
   * Sends a frame of `frame`.
   *
   * @param bytes - how many of its data's bytes to send, from the first on.
   * @param release - called when it is answered. Default: gives back its memory, and as many bytes to the budget.
   */
  sendFrame(position: number, memory: WriteFrame, bytes: number, release = () => this.giveBack(memory, bytes)): void {
    if (this.#isStopped) {
      release();
      return;
    }
    const { frame } = memory;
    const whole = frame.subarray(0, writeHeadBytes(this.#handle) + bytes);
    const answer = this.#session.writeFrame(this.#subject, this.#handle, position, whole);
    void this.#track(position, bytes, answer, release);
  }

  /**
   * Sends bytes as they are, in as many requests as it takes; they must not change before they are answered.
   *
   * @param release - called when they are.
   */
  send(position: number, data: Uint8Array, release: () => void): void {
    if (this.#isStopped) {
      release();
      return;
    }
    const { chunkBytes } = this;
    let open = Math.max(1, Math.ceil(data.length / chunkBytes));
    const one = () => {
      if (--open === 0) release();
    };
    if (data.length === 0) one();
    for (let at = 0; at < data.length; at += chunkBytes) {
      const part = data.subarray(at, at + chunkBytes);
      const answer = this.#session.write(this.#subject, this.#handle, position + at, part);
      void this.#track(position + at, part.length, answer, one);
    }
  }

  /** @throws the first failure, if there was one. */
  requireGood(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Nothing more is sent, and what waits here fails with this unless something failed before. */
  stop(error: Error): void {
    this.#failure ??= { error };
    this.#isStopped = true;
    this.#wakeWaiter();
    this.#wake();
  }

  /** Waits until all is answered. @throws the first failure. */
  async settled(): Promise<void> {
    while (this.#underWay.length > 0 && !this.#isStopped) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.requireGood();
  }

  async #track(position: number, bytes: number, answer: Promise<void>, release: () => void): Promise<void> {
    const sent: Sent = { end: position + bytes, isConfirmed: false };
    this.#underWay.push(sent);
    const departure = this.#session.path.depart(bytes);
    try {
      await answer;
      this.#session.path.arrive(departure);
      sent.isConfirmed = true;
    } catch (error) {
      // Later ones that go well do not mend it, and later ones that fail tell less.
      this.#failure ??= { error };
    }
    if (!sent.isConfirmed) this.#underWay.splice(this.#underWay.indexOf(sent), 1);
    this.#advance();
    release();
    this.#wake();
  }

  #advance(): void {
    while (this.#underWay[0]?.isConfirmed) {
      const sent = this.#underWay.shift() as Sent;
      if (this.#failure === undefined) this.#confirmedEnd = sent.end;
    }
  }
}
