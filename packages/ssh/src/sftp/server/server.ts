/** One session of the server: messages in, frames out, no stream and no files of its own. */
import { SshError } from '../../errors.ts';
import { maxSftpServedBytes, maxSftpServedRequests } from '../../limits.ts';
import { printable } from '../../wire/index.ts';
import { encodeFrame, FrameReader } from '../frames.ts';
import * as messages from '../messages.ts';
import { badSftp, readingSftp } from '../sftp-error.ts';
import { statusCodes } from '../status.ts';
import { fileAccess } from './access.ts';
import { statusOf } from './failure.ts';
import type { FileSystem } from './file-system.ts';
import type { SftpServerOptions, SftpServerSink } from './options.ts';
import { Permits } from './permits.ts';
import { type Answer, encodeBareStatus, encodeStatus, statusText } from './reply.ts';
import type { Prepared, ServerRequest } from './requests/request.ts';
import { serverRequests } from './requests/table.ts';
import { Schedule } from './schedule.ts';
import { ServerSession } from './session.ts';

const byNumber: readonly (ServerRequest | undefined)[] = Array.from({ length: 256 }, (_, number) =>
  serverRequests.find((request) => request.number === number),
);
const byExtension = new Map(serverRequests.map((request) => [request.extension?.name, request]));

/**
 * Serves one client. Requests that do not disturb each other are at work together and answered as they end, the writes of
 * a handle in their order; what comes beyond the limits waits in order, and the caller is asked to read no further.
 */
export class SftpServer {
  readonly #session: ServerSession;
  readonly #sink: SftpServerSink;
  readonly #permits: Permits;
  readonly #schedule = new Schedule();
  readonly #frames = new FrameReader();
  /** Messages that nobody has looked at, from `#nextWaiting` on. */
  #waiting: Buffer[] = [];
  #nextWaiting = 0;
  /** Replies of this turn, which go out together. */
  #replies: Buffer[] = [];
  #isFlushPlanned = false;
  #isReceiving = false;
  #bytesAtWork = 0;
  #isHeldBack = false;
  /** greeting → open → ended */
  #state: 'greeting' | 'open' | 'ended' = 'greeting';
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  /** The caller was told to receive no more. */
  #isPaused = false;
  #bytesQueued = 0;
  /** Called when more may be received after `receive` gave false. */
  onReady: () => void = () => {};

  constructor(files: FileSystem, sink: SftpServerSink, options: SftpServerOptions = {}) {
    this.#session = new ServerSession(files, options, sink);
    this.#sink = sink;
    this.#permits = new Permits(this.#session);
  }

  /**
   * Takes bytes of the client. They may be used until the requests in them are answered; `isHolding` tells.
   *
   * @returns false where no more should come until `onReady` is called.
   * @throws SshError, side `peer`, for what is no sftp. The session has ended then, and only `end` may be called.
   */
  receive(chunk: Buffer): boolean {
    this.#isReceiving = true;
    let isTaking = false;
    let isHeld = true;
    try {
      isHeld = this.#frames.push(chunk, (message) => {
        isTaking = true;
        if (this.#nextWaiting < this.#waiting.length || !this.#hasRoom) this.#waiting.push(message);
        else this.#take(message);
        isTaking = false;
      });
    } catch (cause) {
      if (isTaking) throw cause;
      throw badSftp('the client announces a message of a length that no sftp message has', {
        ...{ cause, code: 'limit-exceeded' },
        remedy: 'See to it that nothing but an sftp client is connected.',
      });
    } finally {
      this.#isReceiving = false;
      this.#flush();
    }
    if (!isHeld) this.#sink.releaseInput?.(chunk);
    this.#isPaused = this.#nextWaiting < this.#waiting.length || !this.#hasRoom;
    return !this.#isPaused;
  }

  /** Whether bytes that were received are still in use. */
  get isHolding(): boolean {
    return this.#nextWaiting < this.#waiting.length || this.#schedule.size > 0;
  }

  /** The sink has room again. */
  onDrain(): void {
    this.#isHeldBack = false;
    this.#goOn();
  }

  /** No more comes. Resolves when all that came was answered and every file is closed. */
  async end(): Promise<void> {
    while (this.isHolding && this.#state !== 'ended') {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.abort();
  }

  /** The client has gone: what waits is dropped, what is at work ends, every file is closed. */
  abort(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    this.#state = 'ended';
    this.#session.isEnded = true;
    this.#waiting = [];
    this.#nextWaiting = 0;
    this.#onIdle?.();
    const closings = this.#session.handles.takeAll().map(
      (opened) =>
        new Promise<void>((resolve) => {
          // A file that is still being read is closed behind it: its number might already be another file's.
          this.#schedule.add(fileAccess(opened.kind === 'file' ? opened.key : opened, true), (ended) => {
            this.#session.logClose(opened, 'forced ');
            void settle(() => opened.handle.close()).then(() => {
              ended();
              resolve();
            });
          });
        }),
    );
    await Promise.all(closings);
  }

  get #hasRoom(): boolean {
    return !this.#isHeldBack && this.#schedule.size < maxSftpServedRequests && this.#bytesAtWork < maxSftpServedBytes;
  }

  #goOn(): void {
    while (this.#nextWaiting < this.#waiting.length && this.#hasRoom && this.#state !== 'ended') {
      const message = this.#waiting[this.#nextWaiting++] as Buffer;
      try {
        this.#take(message);
      } catch (error) {
        this.#waiting = [];
        this.#nextWaiting = 0;
        this.#flush();
        this.onBroken(error as SshError);
        return;
      }
    }
    this.#flush();
    if (this.#nextWaiting < this.#waiting.length) return;
    this.#waiting = [];
    this.#nextWaiting = 0;
    if (this.#isPaused && this.#hasRoom && !this.#isReceiving) {
      this.#isPaused = false;
      this.onReady();
    }
    if (!this.isHolding) this.#onIdle?.();
  }

  /** Called with what `receive` would have thrown, for a message that had to wait. */
  onBroken: (error: SshError) => void = () => {};

  /** @throws SshError for what ends the session. */
  #take(message: Buffer): void {
    const number = message[0] as number;
    if (number === messages.init.number) {
      this.#greet(message);
      return;
    }
    if (this.#state === 'greeting') throw badSftp(`request ${number} came before SSH_FXP_INIT`);
    if (message.length < 5) throw badSftp(`a request of ${message.length} bytes has no number`);
    const id = message.readUInt32BE(1);
    if (number === messages.extended.number) {
      this.#takeExtended(message, id);
      return;
    }
    const request = byNumber[number];
    if (request === undefined) {
      this.#session.log('error', `Unknown message ${number}`);
      this.#reply(id, statusCodes.unsupported);
      return;
    }
    this.#begin(request, message, id);
  }

  #greet(message: Buffer): void {
    const session = this.#session;
    session.version = readingSftp(() => messages.init.decode(message)).version;
    session.log('verbose', `received client version ${session.version}`);
    this.#state = 'open';
    const extensions = serverRequests.flatMap((request): (readonly [string, Buffer])[] => {
      const { extension } = request;
      if (extension === undefined || !request.isServed(session.files)) return [];
      if (!this.#permits.allows(request)) {
        session.log('debug2', `refusing to advertise disallowed extension ${extension.name}`);
        return [];
      }
      return [[extension.name, Buffer.from(extension.version)]];
    });
    this.#queue(encodeFrame(messages.version.encode({ version: messages.sftpVersion, extensions })));
  }

  #takeExtended(message: Buffer, id: number): void {
    let fields: { readonly request: string; readonly data: Buffer };
    try {
      fields = messages.extended.decode(message);
    } catch {
      this.#reply(id, statusCodes.badMessage);
      return;
    }
    const request = byExtension.get(fields.request);
    if (request === undefined) {
      this.#session.log('error', `Unknown extended request "${printable(fields.request.slice(0, 100), 'one')}"`);
      this.#reply(id, statusCodes.unsupported);
      return;
    }
    this.#begin(request, fields.data, id);
  }

  #begin(request: ServerRequest, body: Buffer, id: number): void {
    if (!this.#permits.allows(request)) {
      this.#reply(id, statusCodes.permissionDenied);
      return;
    }
    let prepared: Prepared | Answer;
    try {
      prepared = request.prepare(body, this.#session, id);
    } catch (error) {
      // The client's own fault is not the file system's.
      const isMalformed = error instanceof SshError && error.side === 'peer';
      this.#reply(id, isMalformed ? statusCodes.badMessage : statusOf(error));
      return;
    }
    if (typeof prepared !== 'object' || !('run' in prepared)) {
      this.#reply(id, prepared);
      return;
    }
    // Other requests leave parts of theirs behind: a path in a handle.
    const used = request.number === messages.write.number ? body : undefined;
    this.#run(prepared, id, used);
  }

  /** @param used - memory of the request, for the next one when this one has ended. */
  #run(prepared: Prepared, id: number, used: Buffer | undefined): void {
    const send = (answer: Answer) => this.#reply(id, answer);
    const reply = prepared.order?.take(send) ?? send;
    // The common case costs no bookkeeping: nothing in the way, and the answer there at once.
    let started: Promise<Answer> | undefined;
    if (this.#schedule.isFree(prepared.access)) {
      started = this.#start(prepared, reply);
      if (started === undefined) {
        if (used !== undefined) this.#frames.pool.give(used);
        return;
      }
    }
    const bytes = prepared.bytes ?? 0;
    this.#bytesAtWork += bytes;
    this.#schedule.add(prepared.access, (ended) => {
      const finish = () => {
        this.#bytesAtWork -= bytes;
        ended();
        this.#goOn();
      };
      const running = started ?? this.#start(prepared, reply);
      if (running === undefined) finish();
      else {
        running.then(
          (answer) => {
            reply(answer);
            if (used !== undefined) this.#frames.pool.give(used);
            finish();
          },
          // What failed may still be under way below: one that gave up waiting.
          (error) => {
            reply(statusOf(error));
            finish();
          },
        );
      }
    });
  }

  /** Starts a request, and answers it where that can be done at once; otherwise gives what it waits for. */
  #start(prepared: Prepared, reply: (answer: Answer) => void): Promise<Answer> | undefined {
    let answer: Answer | Promise<Answer>;
    try {
      answer = prepared.run();
    } catch (error) {
      answer = statusOf(error);
    }
    if (answer instanceof Promise) return answer;
    reply(answer);
    return undefined;
  }

  #reply(id: number, answer: Answer): void {
    if (this.#state === 'ended') return;
    let frame: Buffer;
    try {
      frame = typeof answer === 'function' ? answer(id) : this.#status(id, answer);
    } catch (error) {
      // What the file system gave cannot be told: a name of 300 KB, a size that is no number.
      frame = this.#status(id, statusOf(error));
    }
    this.#queue(frame);
  }

  #status(id: number, answer: Exclude<Answer, (id: number) => Buffer>): Buffer {
    const code = typeof answer === 'number' ? answer : answer.status;
    const session = this.#session;
    if (session.logs('info')) {
      session.log('debug3', `request ${id}: sent status ${code}`);
      const isNews = code !== statusCodes.ok && code !== statusCodes.eof;
      if (isNews || session.logs('debug1')) session.log('info', `sent status ${statusText(code)}`);
    }
    if (session.version < 3) return encodeBareStatus(id, code);
    return encodeStatus(id, code, typeof answer === 'number' ? statusText(code) : answer.text);
  }

  #queue(frame: Buffer): void {
    this.#replies.push(frame);
    this.#bytesQueued += frame.length;
    // A full load goes at once, so that the client has it while the next one is read.
    if (this.#bytesQueued >= flushBytes) this.#flush();
    else if (!this.#isReceiving && !this.#isFlushPlanned) {
      this.#isFlushPlanned = true;
      queueMicrotask(() => this.#flush());
    }
  }

  #flush(): void {
    this.#isFlushPlanned = false;
    if (this.#replies.length === 0) return;
    const replies = this.#replies;
    this.#replies = [];
    this.#bytesQueued = 0;
    if (!this.#sink.send(replies)) this.#isHeldBack = true;
  }
}

const flushBytes = 64 * 1024;

/** A file that cannot be closed is gone all the same. */
async function settle(close: () => unknown): Promise<void> {
  try {
    await close();
  } catch {
    // Nobody is there to be told.
  }
}
