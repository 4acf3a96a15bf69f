/** The client's side of a control socket, without the socket: requests matched with replies, then proxy mode. */
import { SshError, toSshError } from '../errors.ts';
import { maxShownBytes } from '../limits.ts';
import type { Clock } from '../transport/link.ts';
import type { ByteSink } from '../transport/options.ts';
import { type Message, printable } from '../wire/index.ts';
import { encodeMuxForward, type MuxForward } from './forward.ts';
import { FrameReader } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import { type MuxInfoSubject, routesReplies } from './master-session.ts';
import { messageNumber, muxError } from './message.ts';
import * as messages from './messages.ts';
import { ProxyLink } from './proxy-link.ts';

interface Pending {
  readonly accept: (frame: Buffer) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: SshError) => void;
  readonly what: string;
}

/** One conversation with a master. Every pending call settles when it ends. */
export class MuxClientSession {
  /** The master's extensions. Rejects where it speaks another version. */
  readonly greeted: Promise<ReadonlyMap<string, Buffer>>;
  /** Settles with the error when the socket is closed, or undefined where we closed it. Never rejects. */
  readonly closed: Promise<SshError | undefined>;
  readonly #sink: ByteSink;
  readonly #clock: Clock;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #pending = new Map<number, Pending>();
  #extensions: ReadonlyMap<string, Buffer> | undefined;
  #nextRequestId = 0;
  #link: ProxyLink | undefined;
  #ended: SshError | undefined;
  #settleGreeting: { resolve(found: ReadonlyMap<string, Buffer>): void; reject(error: SshError): void };
  #settleClosed: (error: SshError | undefined) => void = () => {};
  readonly #leaveOpen: (() => void) | undefined;

  /** @param leaveOpen - in place of closing the socket, where its end would be the master's as well. */
  constructor(sink: ByteSink, clock: Clock, leaveOpen?: () => void) {
    this.#leaveOpen = leaveOpen;
    this.#sink = sink;
    this.#clock = clock;
    this.#settleGreeting = { resolve() {}, reject() {} };
    this.greeted = new Promise((resolve, reject) => {
      this.#settleGreeting = { resolve, reject };
    });
    // Whoever does not wait for it learns of its end by the first call.
    this.greeted.catch(() => {});
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#writer = new FrameWriter(sink, () => this.#link?.onReady());
    this.#reader = new FrameReader((frame) => this.#takeFrame(frame));
    this.#writer.sendMessage(messages.hello.encode({ version: messages.muxVersion, extensions: [] }));
  }

  /** Asks whether the master lives. Gives its process id. */
  aliveCheck(): Promise<number> {
    return this.#request('alive check', messages.aliveCheck, {}, (frame) => {
      return messages.alive.decode(frame).pid;
    });
  }

  /** Has the master end its connection and itself. An end of the socket is as good as an answer. */
  async terminate(): Promise<void> {
    try {
      await this.#request('termination', messages.terminate, {}, readOk);
    } catch (error) {
      if (!(error instanceof SshError) || error.code !== 'connection-lost') throw error;
    }
  }

  /** Has the master take no more clients; those it has stay. */
  stopListening(): Promise<void> {
    return this.#request('stop listening', messages.stopListening, {}, readOk);
  }

  /**
   * Opens a forward that the master carries.
   *
   * @returns the port that the server chose, where 0 was asked for.
   */
  openForward(forward: MuxForward): Promise<number | undefined> {
    return this.#request('forwarding', messages.openForward, encodeMuxForward(forward), (frame) => {
      if (messageNumber(frame) === messages.remotePort.number) return messages.remotePort.decode(frame).port;
      readOk(frame);
      return undefined;
    });
  }

  closeForward(forward: MuxForward): Promise<void> {
    return this.#request('cancel forwarding', messages.closeForward, encodeMuxForward(forward), readOk);
  }

  /**
   * A text about the connection or its channels, for people.
   *
   * @throws SshError `unsupported` where the master offers no information (OpenSSH before 10.3).
   */
  async describe(subject: MuxInfoSubject): Promise<string> {
    const extensions = await this.greeted;
    if (!extensions.has('info')) {
      throw new SshError('the master offers no information about its connection', {
        code: 'unsupported',
        stage: 'channel',
        side: 'peer',
        remedy: 'Start the master anew with OpenSSH 10.3 or later, or with nacre.',
      });
    }
    return this.#request('information', messages.extInfo, { subject: Buffer.from(subject) }, (frame) => {
      const { information, more } = messages.extInfoReply.decode(frame);
      return (more ?? information).toString('utf8');
    });
  }

  /** Begins proxy mode: from now on the socket is the link's. */
  async startProxy(): Promise<ProxyLink> {
    const extensions = await this.greeted;
    return this.#request('proxy', messages.proxy, {}, (frame) => {
      messages.proxyStarted.decode(frame);
      this.#link = new ProxyLink({
        clock: this.#clock,
        writer: this.#writer,
        routesReplies: extensions.has(routesReplies),
        close: () => this.#finish(undefined),
      });
      return this.#link;
    });
  }

  /** Takes bytes of the master's; they may be overwritten after the call. */
  receive(chunk: Buffer): void {
    if (this.#ended !== undefined) return;
    try {
      this.#reader.feed(chunk);
    } catch (error) {
      this.#finish(toSshError(error, { code: 'protocol-error', stage: 'channel', side: 'peer' }));
    }
  }

  receiveEnd(cause?: unknown): void {
    const init = { code: 'connection-lost', stage: 'channel', side: 'peer' } as const;
    this.#finish(new SshError('the master closed the control socket', cause === undefined ? init : { ...init, cause }));
  }

  onDrain(): void {
    this.#writer.onDrain();
  }

  close(): void {
    this.#finish(undefined);
  }

  #finish(cause: SshError | undefined): void {
    if (this.#ended !== undefined) return;
    const error = cause ?? new SshError('the control socket was closed', { code: 'closed', stage: 'channel' });
    this.#ended = error;
    this.#writer.close();
    this.#settleGreeting.reject(error);
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of pending) reject(error);
    this.#link?.fail(error);
    if (cause === undefined && this.#link?.endangersMaster && this.#leaveOpen !== undefined) this.#leaveOpen();
    else this.#sink.end();
    this.#settleClosed(cause);
  }

  #takeFrame(frame: Buffer): void {
    if (this.#ended !== undefined) return;
    if (this.#link !== undefined) {
      this.#link.takePacket(frame);
      return;
    }
    if (this.#extensions === undefined) {
      const { version, extensions } = messages.hello.decode(frame);
      if (version !== messages.muxVersion) {
        throw new SshError(`the master speaks version ${version} of the protocol, not ${messages.muxVersion}`, {
          code: 'unsupported',
          stage: 'channel',
          side: 'peer',
        });
      }
      this.#extensions = messages.readExtensions(extensions);
      this.#settleGreeting.resolve(this.#extensions);
      return;
    }
    this.#takeReply(frame);
  }

  #takeReply(frame: Buffer): void {
    const number = messageNumber(frame);
    if (frame.length < 8) throw muxError(`reply 0x${number.toString(16)} is cut`);
    const requestId = frame.readUInt32BE(4);
    const pending = this.#pending.get(requestId);
    if (pending === undefined) throw muxError(`a reply came to request ${requestId}, which nobody made`);
    // Decoded first: what throws here leaves the call in its list, where the end of the socket settles it.
    const refusal = [messages.permissionDenied, messages.failure].find((message) => message.number === number);
    const reason = refusal?.decode(frame).reason;
    const value = reason === undefined ? pending.accept(frame) : undefined;
    this.#pending.delete(requestId);
    if (reason === undefined) pending.resolve(value);
    else pending.reject(refusedError(pending.what, reason));
  }

  async #request<T, R>(
    what: string,
    message: Message<T>,
    fields: Omit<T, 'requestId'>,
    accept: (frame: Buffer) => R,
  ): Promise<R> {
    await this.greeted;
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#link !== undefined) {
      throw new SshError('the control socket is in proxy mode; connect another for requests', {
        code: 'misuse',
        stage: 'channel',
      });
    }
    const requestId = this.#nextRequestId++;
    const reply = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(requestId, { accept, resolve, reject, what });
    });
    this.#writer.sendMessage(message.encode({ ...fields, requestId } as T));
    return (await reply) as R;
  }
}

function readOk(frame: Buffer): void {
  messages.ok.decode(frame);
}

function refusedError(what: string, reason: Buffer): SshError {
  const text = printable(reason.subarray(0, maxShownBytes).toString('utf8'));
  return new SshError(`the master refused the ${what} request: ${text}`, {
    code: 'request-refused',
    stage: 'channel',
    side: 'peer',
  });
}
