/** A mailbox of one conversation: messages are taken one at a time, and the sender sees whether the taker waits. */
import type { SshError } from '../errors.ts';

/** Holds at most one message: whoever delivers looks at `waiting` first. */
export class Mailbox {
  #waiter: { resolve: (payload: Buffer) => void; reject: (error: SshError) => void } | undefined;
  #error: SshError | undefined;
  readonly #onWaiting: () => void;
  #rejectEnded: (error: SshError) => void = () => {};
  /** Rejects with the error that ended the mailbox. */
  readonly ended = new Promise<never>((_resolve, reject) => {
    this.#rejectEnded = reject;
  });

  /** @param onWaiting - called (in a microtask of its own) when the taker has begun to wait. */
  constructor(onWaiting: () => void) {
    this.#onWaiting = onWaiting;
    // Nobody need listen.
    this.ended.catch(() => {});
  }

  get waiting(): boolean {
    return this.#waiter !== undefined;
  }

  next(): Promise<Buffer> {
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject };
      queueMicrotask(this.#onWaiting);
    });
  }

  deliver(payload: Buffer): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.resolve(payload);
  }

  end(error: SshError): void {
    this.#error = error;
    this.#rejectEnded(error);
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.reject(error);
  }
}
