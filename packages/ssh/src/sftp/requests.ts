/** The requests of one sftp session: numbered, matched with replies in any order, each settled whatever happens to the stream. */
import { type SshError, toSshError } from '../errors.ts';
import { maxSftpPendingRequests } from '../limits.ts';
import { AbortListeners } from './abort-listeners.ts';
import { FrameWriter } from './frame-writer.ts';
import { encodeFrame, FrameReader } from './frames.ts';
import { badSftp, sftpError } from './sftp-error.ts';
import type { SftpStream } from './stream.ts';

export interface CallOptions {
  /** Gives the call up. A request already sent goes on at the server, and its reply is dropped. */
  readonly signal?: AbortSignal | undefined;
}

export interface RequestOptions extends CallOptions {
  /** Takes a reply that came after the call was given up: a handle that nobody else would close. */
  readonly late?: (reply: Buffer) => void;
}

interface PendingRequest {
  /** Makes the frame for the number that the request gets. */
  readonly frame: (id: number) => Uint8Array;
  readonly body: Uint8Array | undefined;
  readonly settle: (reply: Buffer | SshError) => void;
  readonly late: ((reply: Buffer) => void) | undefined;
  isGivenUp: boolean;
}

/** Message numbers that answer a request. */
const replyNumbers: ReadonlySet<number> = new Set([101, 102, 103, 104, 105, 201]);

/** Sends requests as far as the stream takes them and the server may owe replies; the others wait in order. */
export class Requests {
  /** Settles when the session has ended, with the error that ended it; undefined after `close()`. Never rejects. */
  readonly closed: Promise<SshError | undefined>;
  readonly #stream: SftpStream;
  readonly #frames = new FrameReader();
  readonly #waiting: PendingRequest[] = [];
  readonly #pending = new Map<number, PendingRequest>();
  #greeting: { settle: (message: Buffer | SshError) => void } | undefined;
  readonly #aborts = new AbortListeners();
  readonly #writer: FrameWriter;
  #nextId = 0;
  #ended: SshError | undefined;
  #settleClosed: (error: SshError | undefined) => void = () => {};
  /** Says more about an end that the stream alone does not explain. */
  explainEnd: () => string = () => '';

  constructor(stream: SftpStream) {
    this.#stream = stream;
    this.#writer = new FrameWriter(stream, (cause) =>
      this.#end(toSshError(cause, { code: 'connection-lost', stage: 'sftp' })),
    );
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    stream.on('data', (chunk) => this.#receive(chunk));
    stream.on('drain', () => {
      this.#writer.isBlocked = false;
      this.#sendNext();
    });
    stream.on('error', (cause) => this.#end(toSshError(cause, { code: 'connection-lost', stage: 'sftp' })));
    stream.on('end', () => this.#end(this.#closedByServer()));
    stream.on('close', () => this.#end(this.#closedByServer()));
  }

  /** Requests sent and not answered. */
  get pending(): number {
    return this.#pending.size;
  }

  get isEnded(): boolean {
    return this.#ended !== undefined;
  }

  /** Sends the first message, which bears no number, and gives the answer to it: the first message that comes. */
  greet(frame: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#greeting = {
        settle: (answer) => {
          if (answer instanceof Error) reject(answer);
          else resolve(answer);
        },
      };
      this.#writer.write(frame);
    });
  }

  /** Has all that was sent written now, and not at the end of the turn. */
  flush(): void {
    this.#writer.flush();
  }

  /**
   * Sends a request and gives the reply, message number included.
   *
   * @param encode - makes the message for the number that the request gets.
   */
  send(encode: (id: number) => Uint8Array, options?: RequestOptions): Promise<Buffer> {
    return this.sendFrame((id) => encodeFrame(encode(id)), undefined, options);
  }

  /**
   * As `send`, for frames that are made by hand.
   *
   * @param body - the frame's end, where it stands in memory of its own; it must not change before the answer.
   */
  sendFrame(
    frame: (id: number) => Uint8Array,
    body?: Uint8Array,
    { signal, late }: RequestOptions = {},
  ): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortError(signal));
      if (this.#ended !== undefined) return reject(this.#ended);
      const onAbort = () => {
        // What was sent keeps its number until the reply: another request under it would get this one's.
        request.isGivenUp = true;
        const at = this.#waiting.indexOf(request);
        if (at >= 0) this.#waiting.splice(at, 1);
        reject(abortError(signal));
      };
      const request: PendingRequest = {
        frame,
        body,
        late,
        isGivenUp: false,
        settle: (reply) => {
          if (signal !== undefined) this.#aborts.remove(signal, onAbort);
          if (reply instanceof Error) reject(reply);
          else resolve(reply);
        },
      };
      if (signal !== undefined) this.#aborts.add(signal, onAbort);
      this.#waiting.push(request);
      this.#sendNext();
    });
  }

  /** Ends the session: what still waits fails with `closed`. */
  close(): void {
    this.#end(sftpError('closed', 'the sftp session was closed here'), true);
  }

  /** The server broke a rule: nothing that it says from now on can be trusted to belong where it seems to. */
  fail(error: SshError): void {
    this.#end(error);
  }

  /** Memory for a frame, to be given back with `recycle`. */
  memory(byteCount: number): Buffer {
    return this.#frames.pool.take(byteCount);
  }

  /** Takes back the memory of a reply or of a frame; nobody may look at it afterwards. */
  recycle(reply: Buffer): void {
    this.#frames.pool.give(reply);
  }

  #sendNext(): void {
    while (!this.#writer.isBlocked && this.#ended === undefined && this.#pending.size < maxSftpPendingRequests) {
      const request = this.#waiting.shift();
      if (request === undefined) return;
      const id = this.#freeId();
      let frame: Uint8Array;
      try {
        frame = request.frame(id);
      } catch (error) {
        request.settle(toSshError(error, { code: 'misuse', stage: 'sftp' }));
        continue;
      }
      this.#pending.set(id, request);
      this.#writer.write(frame, request.body);
    }
  }

  #freeId(): number {
    while (this.#pending.has(this.#nextId)) this.#nextId = (this.#nextId + 1) >>> 0;
    const id = this.#nextId;
    this.#nextId = (id + 1) >>> 0;
    return id;
  }

  #receive(chunk: Buffer): void {
    if (this.#ended !== undefined) return;
    try {
      const isHeld = this.#frames.push(chunk, this.#onMessage);
      if (!isHeld) this.#stream.release?.(chunk);
    } catch (cause) {
      this.#end(toSshError(cause, { code: 'bad-message', stage: 'sftp', side: 'peer' }));
    }
  }

  readonly #onMessage = (message: Buffer): void => {
    if (this.#ended !== undefined) return;
    if (this.#greeting !== undefined) {
      const { settle } = this.#greeting;
      this.#greeting = undefined;
      settle(message);
      return;
    }
    const number = message[0] as number;
    if (!replyNumbers.has(number)) throw badSftp(`the server sent message ${number}, which is no reply`);
    if (message.length < 5)
      throw badSftp(`the server sent a reply of ${message.length} bytes, without a request number`);
    const id = message.readUInt32BE(1);
    const request = this.#pending.get(id);
    if (request === undefined) throw badSftp(`the server answered request ${id}, which was not made`);
    this.#pending.delete(id);
    if (request.isGivenUp) request.late?.(message);
    else request.settle(message);
    this.#sendNext();
  };

  #end(error: SshError, isOurs = false): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#greeting?.settle(error);
    this.#greeting = undefined;
    const open = [...this.#pending.values(), ...this.#waiting.splice(0)];
    this.#pending.clear();
    for (const request of open) if (!request.isGivenUp) request.settle(error);
    this.#writer.stop();
    this.#stream.destroy();
    this.#settleClosed(isOurs ? undefined : error);
  }

  #closedByServer(): SshError {
    const said = this.explainEnd();
    const more = said === '' ? '' : `: ${said}`;
    return sftpError('closed', `the server ended the sftp session${more}`, { side: 'peer' });
  }
}

/** For a call that was given up. */
export function abortError(signal: AbortSignal | undefined): SshError {
  return sftpError('aborted', 'the sftp request was given up', { cause: signal?.reason });
}
