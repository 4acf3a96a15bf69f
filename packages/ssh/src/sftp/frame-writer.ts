/** Puts frames on the stream: the small ones of a turn in one write, the large ones as they are. */
import type { SftpStream } from './stream.ts';

/** Frames up to this size are copied together: a packet of their own would cost more. A file of 4 KiB and its head are one. */
const joinedBytes = 8 * 1024;
/** So many waiting bytes are written without waiting for the end of the turn. */
const fullBytes = 32 * 1024;

/** Writes to a stream. After an error of the stream it does nothing any more. */
export class FrameWriter {
  readonly #stream: SftpStream;
  readonly #onError: (cause: unknown) => void;
  #small: Uint8Array[] = [];
  #smallBytes = 0;
  #isScheduled = false;
  #isOver = false;
  /** The stream holds enough; it says `drain` when it has room again. */
  isBlocked = false;

  constructor(stream: SftpStream, onError: (cause: unknown) => void) {
    this.#stream = stream;
    this.#onError = onError;
  }

  /**
   * @param body - the end of the frame, where it stands in memory of its own: it is not copied, and stays the caller's.
   *   It must not change before the request is answered.
   */
  write(frame: Uint8Array, body?: Uint8Array): void {
    this.#push(frame);
    if (body !== undefined && body.length > 0) this.#push(body);
    if (this.#smallBytes >= fullBytes) this.flush();
    else if (this.#smallBytes > 0 && !this.#isScheduled) {
      this.#isScheduled = true;
      atTurnEnd(() => this.flush());
    }
  }

  flush(): void {
    this.#isScheduled = false;
    if (this.#smallBytes === 0) return;
    const [first] = this.#small;
    const bytes =
      this.#small.length === 1 && first !== undefined ? first : Buffer.concat(this.#small, this.#smallBytes);
    this.#small = [];
    this.#smallBytes = 0;
    this.#send(bytes);
  }

  stop(): void {
    this.#isOver = true;
    this.#small = [];
    this.#smallBytes = 0;
  }

  #push(bytes: Uint8Array): void {
    if (bytes.length <= joinedBytes) {
      this.#small.push(bytes);
      this.#smallBytes += bytes.length;
      return;
    }
    this.flush();
    this.#send(bytes);
  }

  #send(bytes: Uint8Array): void {
    if (this.#isOver) return;
    try {
      this.isBlocked = this.#stream.write(bytes) === false;
    } catch (cause) {
      this.#onError(cause);
    }
  }
}

/** When all that the replies of this turn have set going has gone its way: a microtask would come between their steps. */
const atTurnEnd: (work: () => void) => void = globalThis.process?.nextTick ?? queueMicrotask;
