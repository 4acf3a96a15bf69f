/** Calls between two processes of the server, over the channel that Node lays between them; a socket may come with a call. */
import { Socket } from 'node:net';
import { SshError } from '@nacre/ssh/errors';
import { pack, unpack } from './packed.ts';

/** What one side answers: a function for each name. */
export type CallTable = Readonly<Record<string, (argument: never) => unknown>>;

/** The functions behind a table. What they throw is the caller's error. */
export type Answers<Table extends CallTable> = {
  readonly [Name in keyof Table]: (
    argument: Parameters<Table[Name]>[0],
    socket: Socket | undefined,
  ) => ReturnType<Table[Name]> | Promise<Awaited<ReturnType<Table[Name]>>>;
};

/** Either end of a channel: a child, or this process. */
export interface Port {
  send?(
    message: unknown,
    handle?: unknown,
    options?: { keepOpen?: boolean },
    callback?: (error: Error | null) => void,
  ): boolean;
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
  readonly connected?: boolean;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Calls the other side and answers it. */
export class Calls<Theirs extends CallTable, Ours extends CallTable> {
  /** Settles when the other side is gone. */
  readonly ended: Promise<void>;
  readonly #port: Port;
  readonly #answers: Answers<Ours>;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  /** What is said in this turn, in order. */
  #queue: object[] = [];
  #isEnded = false;

  constructor(port: Port, answers: Answers<Ours>) {
    this.#port = port;
    this.#answers = answers;
    port.on('message', (message, handle) => this.#take(message, handle));
    this.ended = new Promise((resolve) => {
      port.on('disconnect', () => {
        this.#end();
        resolve();
      });
    });
  }

  /** Asks. Rejects with the other side's error, and with `closed` when it is gone. */
  call<Name extends keyof Theirs & string>(
    name: Name,
    argument: Parameters<Theirs[Name]>[0],
    socket?: Socket,
  ): Promise<Awaited<ReturnType<Theirs[Name]>>> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      if (!this.#send({ id, name, argument: pack(argument) }, socket)) {
        this.#waiting.delete(id);
        reject(gone());
      }
    });
  }

  /** The same for what has no answer. */
  tell<Name extends keyof Theirs & string>(name: Name, argument: Parameters<Theirs[Name]>[0], socket?: Socket): void {
    this.#send({ name, argument: pack(argument) }, socket);
  }

  #send(message: object, socket?: Socket): boolean {
    if (this.#isEnded || this.#port.connected === false) return false;
    this.#queue.push(message);
    // A message that waits for no socket leaves with whatever else is said in this turn: a write each wakes the other side each time.
    if (socket !== undefined) this.#flush(socket);
    else if (this.#queue.length === 1) setImmediate(() => this.#flush());
    return true;
  }

  /** The socket comes with the last of them. */
  #flush(socket?: Socket): void {
    const messages = this.#queue;
    if (messages.length === 0) return;
    this.#queue = [];
    if (this.#isEnded || this.#port.connected === false) return;
    // This process keeps its descriptor, and closes it when it is done with it.
    this.#port.send?.(messages, socket, { keepOpen: true }, () => {});
  }

  #take(messages: unknown, handle: unknown): void {
    if (!Array.isArray(messages)) return;
    for (const [i, message] of messages.entries()) {
      this.#takeOne(message, i === messages.length - 1 ? handle : undefined);
    }
  }

  #takeOne(message: unknown, handle: unknown): void {
    const socket = handle instanceof Socket ? handle : undefined;
    const { id, name, argument, answer, error } = (message ?? {}) as Record<string, unknown>;
    if (typeof name === 'string') void this.#answer(id, name, argument, socket);
    else if (typeof id === 'number') this.#settle(id, answer, error);
  }

  async #answer(id: unknown, name: string, argument: unknown, socket: Socket | undefined): Promise<void> {
    try {
      // Own functions only: "constructor" is none of them.
      if (!Object.hasOwn(this.#answers, name)) throw new Error(`nobody answers to "${name}"`);
      const answer = await this.#answers[name]?.(unpack(argument) as never, socket);
      if (typeof id === 'number') this.#send({ id, answer: pack(answer) });
    } catch (error) {
      if (typeof id === 'number')
        this.#send({ id, error: pack(error instanceof Error ? error : new Error(String(error))) });
    }
  }

  #settle(id: number, answer: unknown, error: unknown): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    try {
      if (error === undefined) waiting?.resolve(unpack(answer));
      else waiting?.reject(unpack(error) as Error);
    } catch (flaw) {
      waiting?.reject(flaw as Error);
    }
  }

  #end(): void {
    this.#isEnded = true;
    for (const { reject } of this.#waiting.values()) reject(gone());
    this.#waiting.clear();
  }
}

function gone(): SshError {
  return new SshError('the process that served this connection has ended', { code: 'misuse', stage: 'transport' });
}
