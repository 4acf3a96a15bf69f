/** The master's side of one control socket, without the socket: requests answered in order, then proxy mode. */
import type { Connection } from '../connection/index.ts';
import { SshError, toSshError } from '../errors.ts';
import { maxEnvironmentBytes } from '../limits.ts';
import type { ByteSink } from '../transport/options.ts';
import type { MessageOf } from '../wire/index.ts';
import { decodeMuxForward, describeForward, type MuxForward } from './forward.ts';
import { FrameReader } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import { messageNumber, muxError } from './message.ts';
import * as messages from './messages.ts';
import type { PassedDescriptors, Passenger, PassengerHandlers } from './passenger.ts';
import { ProxyRelay } from './proxy-relay.ts';

/** What a client wants to do, for the person who is asked about it (ControlMaster ask). */
export type MuxQuestion =
  | { readonly action: 'session' | 'proxy' | 'terminate' | 'stop' }
  | { readonly action: 'stdio-forward'; readonly host: string; readonly port: number | undefined }
  | { readonly action: 'open-forward' | 'close-forward'; readonly forward: string };

export type MuxInfoSubject = 'connection' | 'channels';

/** What a master does for its clients. What these throw reaches the client as the reason of a refusal. */
export interface MuxMasterHandlers {
  readonly connection: Connection;
  readonly pid: number;
  /** Asked before anything is done; the default lets every client do everything. */
  readonly confirm?: ((question: MuxQuestion) => boolean | Promise<boolean>) | undefined;
  /** Gives the port that was chosen where 0 was asked for. */
  openForward(forward: MuxForward): Promise<number | undefined>;
  closeForward(forward: MuxForward): Promise<void>;
  terminate(): void;
  stopListening(): void | Promise<void>;
  /** Changes the keys of the connection; undefined where that is nobody's to ask. */
  readonly rekey?: (() => Promise<void>) | undefined;
  describe(subject: MuxInfoSubject): string;
  /** Runs sessions over file descriptors that clients pass; undefined where they cannot be taken. */
  readonly passengers?: PassengerHandlers | undefined;
  /** The conversation is over, by whichever end. */
  ended(error: SshError | undefined): void;
  log?: ((text: string) => void) | undefined;
}

/** Extensions of this master's. `info` is OpenSSH's; the other tells that answers to global requests find their client. */
export const routesReplies = 'proxy-replies@nacre';
const extensions = [Buffer.from('info'), Buffer.from('0'), Buffer.from(routesReplies), Buffer.from('0')];

const noDescriptors =
  'this master cannot take over standard streams (it can share the connection in proxy mode: ssh -O proxy)';

/** One client. Bytes go in by `receive`, as a StreamDriver hands them; answers go to the sink. */
export class MuxMasterSession {
  readonly #sink: ByteSink;
  readonly #handlers: MuxMasterHandlers;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  #isGreeted = false;
  #relay: ProxyRelay | undefined;
  #passenger: Passenger | undefined;
  #nextSessionId = 0;
  #isOver = false;
  #isReading = true;

  constructor(sink: ByteSink, handlers: MuxMasterHandlers) {
    this.#sink = sink;
    this.#handlers = handlers;
    this.#writer = new FrameWriter(sink);
    this.#reader = new FrameReader((frame) => this.#takeFrame(frame));
    this.#writer.sendMessage(messages.hello.encode({ version: messages.muxVersion, extensions }));
  }

  /** Whether the client speaks the connection protocol by now. */
  get isProxy(): boolean {
    return this.#relay !== undefined;
  }

  /** Channels that it holds open over the shared connection. */
  get channelCount(): number {
    return (this.#relay?.channelCount ?? 0) + (this.#passenger === undefined ? 0 : 1);
  }

  /**
   * How many bytes may be read at once. Descriptors follow a request in the same stream, and a read that goes past the request
   * would lose them.
   */
  get wantedBytes(): number {
    return this.#relay === undefined && !this.#isOver ? this.#reader.wantedBytes : Number.POSITIVE_INFINITY;
  }

  /** Takes bytes of the client's; they may be overwritten after the call. */
  receive(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#guard(() => this.#reader.feed(chunk));
  }

  /** The client has gone. */
  receiveEnd(): void {
    this.#finish(undefined);
  }

  onDrain(): void {
    this.#writer.onDrain();
  }

  /** Ends the conversation; what was answered is sent. */
  close(error?: SshError): void {
    this.#finish(error);
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#finish(toSshError(error, { code: 'protocol-error', stage: 'channel', side: 'peer' }));
    }
  }

  #finish(error: SshError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#writer.close();
    this.#relay?.clientEnded();
    this.#passenger?.close();
    this.#sink.end();
    this.#handlers.ended(error);
  }

  #takeFrame(frame: Buffer): void {
    if (this.#isOver) return;
    if (this.#relay !== undefined) {
      this.#relay.takePacket(frame);
      return;
    }
    const number = messageNumber(frame);
    if (!this.#isGreeted) {
      const { version } = messages.hello.decode(frame);
      if (version !== messages.muxVersion) throw muxError(`protocol version ${version} is not ${messages.muxVersion}`);
      this.#isGreeted = true;
      return;
    }
    if (this.#handlers.passengers === undefined) this.#reader.skip(descriptorCounts.get(number) ?? 0);
    // A request at a time: a later one must not overtake an answer, and proxy mode begins right behind its confirmation.
    this.#setReading(false);
    this.#reader.pause();
    this.#answer(number, frame)
      .then((reply) => {
        if (reply !== undefined && !this.#isOver) this.#writer.sendMessage(reply);
        this.#goOn();
      })
      .catch((error: unknown) => this.#guard(() => void this.#rethrow(error)));
  }

  #rethrow(error: unknown): never {
    throw error;
  }

  #goOn(): void {
    if (this.#isOver) return;
    this.#guard(() => this.#reader.resume());
    if (!this.#reader.isPaused) this.#setReading(true);
  }

  #setReading(reading: boolean): void {
    if (this.#isOver || reading === this.#isReading) return;
    this.#isReading = reading;
    this.#sink.setReading(reading);
  }

  /** The reply, or undefined where there is none. Throws where the request is broken, which ends the conversation. */
  async #answer(number: number, frame: Buffer): Promise<Buffer | undefined> {
    const requestId = frame.length < 8 ? 0 : frame.readUInt32BE(4);
    const run = this.#prepare(number, frame);
    if (run === undefined) return refuse(requestId, 'unsupported request');
    try {
      return await run(requestId);
    } catch (error) {
      const { message } = toSshError(error, { code: 'operation-failed', stage: 'channel' });
      this.#handlers.log?.(`a client's request failed: ${message}`);
      return refuse(requestId, message);
    }
  }

  #prepare(number: number, frame: Buffer): ((requestId: number) => Promise<Buffer | undefined>) | undefined {
    const { pid, describe } = this.#handlers;
    switch (number) {
      case messages.aliveCheck.number:
        messages.aliveCheck.decode(frame);
        return async (requestId) => messages.alive.encode({ requestId, pid });
      case messages.terminate.number:
        messages.terminate.decode(frame);
        return (requestId) => this.#terminate(requestId);
      case messages.stopListening.number:
        messages.stopListening.decode(frame);
        return (requestId) =>
          this.#ifAllowed(requestId, { action: 'stop' }, async () => {
            await this.#handlers.stopListening();
            return messages.ok.encode({ requestId });
          });
      case messages.openForward.number:
        return this.#openForward(messages.openForward.decode(frame));
      case messages.closeForward.number:
        return this.#closeForward(messages.closeForward.decode(frame));
      case messages.newSession.number: {
        const request = messages.newSession.decode(frame);
        return (requestId) => this.#openSession(requestId, request);
      }
      case messages.newStdioForward.number: {
        const { connectHost, connectPort } = messages.newStdioForward.decode(frame);
        return (requestId) => this.#openStdioForward(requestId, connectHost, connectPort);
      }
      case messages.proxy.number:
        messages.proxy.decode(frame);
        return (requestId) => this.#startProxy(requestId);
      case messages.extInfo.number: {
        const subject = readSubject(messages.extInfo.decode(frame).subject);
        return async (requestId) => {
          if (subject === undefined) return refuse(requestId, 'unsupported information');
          return messages.extInfoReply.encode({ requestId, information: Buffer.from(describe(subject)) });
        };
      }
      default:
        return undefined;
    }
  }

  async #ifAllowed(
    requestId: number,
    question: MuxQuestion,
    run: () => Promise<Buffer | undefined>,
  ): Promise<Buffer | undefined> {
    const { confirm } = this.#handlers;
    if (confirm !== undefined && !(await confirm(question))) {
      return messages.permissionDenied.encode({ requestId, reason: Buffer.from('Permission denied') });
    }
    return this.#isOver ? undefined : await run();
  }

  #terminate(requestId: number): Promise<Buffer | undefined> {
    return this.#ifAllowed(requestId, { action: 'terminate' }, async () => {
      this.#writer.sendMessage(messages.ok.encode({ requestId }));
      // The answer first: what ends the connection may end the process.
      this.#sink.defer(() => this.#handlers.terminate());
      return undefined;
    });
  }

  #openForward(request: MessageOf<typeof messages.openForward>): (requestId: number) => Promise<Buffer | undefined> {
    return async (requestId) => {
      const forward = decodeMuxForward(request);
      return this.#ifAllowed(requestId, { action: 'open-forward', forward: describeForward(forward) }, async () => {
        const port = await this.#handlers.openForward(forward);
        return port === undefined ? messages.ok.encode({ requestId }) : messages.remotePort.encode({ requestId, port });
      });
    };
  }

  #closeForward(request: MessageOf<typeof messages.closeForward>): (requestId: number) => Promise<Buffer | undefined> {
    return async (requestId) => {
      const forward = decodeMuxForward(request);
      return this.#ifAllowed(requestId, { action: 'close-forward', forward: describeForward(forward) }, async () => {
        await this.#handlers.closeForward(forward);
        return messages.ok.encode({ requestId });
      });
    };
  }

  #startProxy(requestId: number): Promise<Buffer | undefined> {
    return this.#ifAllowed(requestId, { action: 'proxy' }, async () => {
      this.#writer.sendMessage(messages.proxyStarted.encode({ requestId }));
      this.#relay = new ProxyRelay(this.#handlers.connection, this.#writer, {
        fail: (error) => this.#finish(error),
        setReading: (reading) => this.#setReading(reading),
        rekey: this.#handlers.rekey,
      });
      return undefined;
    });
  }

  async #openSession(requestId: number, request: MessageOf<typeof messages.newSession>): Promise<Buffer | undefined> {
    const { escapeCharacter, terminalType, environment, ...rest } = request;
    const isTooLarge = environment.reduce((bytes, each) => bytes + each.length, 0) > maxEnvironmentBytes;
    const session = {
      ...{ ...rest, environment, terminalType: terminalType.toString('utf8') },
      escapeCharacter: escapeCharacter === noEscape ? undefined : escapeCharacter,
    };
    return this.#takeAboard(requestId, {
      count: messages.sessionDescriptors,
      complaint: isTooLarge ? 'the environment is too large' : undefined,
      question: { action: 'session' },
      open: (handlers, descriptors) => handlers.openSession(session, descriptors),
    });
  }

  async #openStdioForward(requestId: number, host: string, connectPort: number): Promise<Buffer | undefined> {
    const port = connectPort === pathPort ? undefined : connectPort;
    return this.#takeAboard(requestId, {
      count: messages.stdioForwardDescriptors,
      complaint: port !== undefined && port > 65_535 ? `${port} is no port` : undefined,
      question: { action: 'stdio-forward', host, port },
      open: (handlers, descriptors) => handlers.openStdioForward({ host, port }, descriptors),
    });
  }

  /** The descriptors first, whatever is answered: they stand in the stream in front of the next request. */
  async #takeAboard(requestId: number, { count, complaint, question, open }: Boarding): Promise<Buffer | undefined> {
    const { passengers } = this.#handlers;
    if (passengers === undefined) return refuse(requestId, noDescriptors);
    let descriptors: PassedDescriptors;
    try {
      descriptors = await passengers.takeDescriptors(count);
    } catch (error) {
      this.#tell(refuse(requestId, 'did not receive file descriptors'));
      this.#finish(toSshError(error, { code: 'protocol-error', stage: 'channel', side: 'peer' }));
      return undefined;
    }
    let isHandedOver = false;
    try {
      if (this.#passenger !== undefined) return refuse(requestId, 'Multiple sessions not supported');
      if (complaint !== undefined) return refuse(requestId, complaint);
      return await this.#ifAllowed(requestId, question, async () => {
        isHandedOver = true;
        return this.#board(requestId, await open(passengers, descriptors));
      });
    } finally {
      if (!isHandedOver) descriptors.close();
    }
  }

  /** The passenger's end is told when it comes; the socket is closed behind it, which is what the client waits for. */
  #board(requestId: number, passenger: Passenger): undefined {
    if (this.#isOver) {
      passenger.close();
      return undefined;
    }
    this.#passenger = passenger;
    const sessionId = this.#nextSessionId++;
    // First of all, so that nothing about the session comes before it.
    this.#tell(messages.sessionOpened.encode({ requestId, sessionId }));
    passenger.terminalFailed?.then(
      () => this.#tell(messages.terminalFailed.encode({ sessionId })),
      () => {},
    );
    passenger.exit.then(
      (status) => {
        if (status !== undefined) this.#tell(messages.exitMessage.encode({ sessionId, status }));
        this.#finish(undefined);
      },
      (error: unknown) => this.#finish(toSshError(error, { code: 'operation-failed', stage: 'channel' })),
    );
    return undefined;
  }

  #tell(message: Buffer): void {
    if (!this.#isOver) this.#writer.sendMessage(message);
  }
}

interface Boarding {
  readonly count: number;
  /** What is wrong with the request. */
  readonly complaint: string | undefined;
  readonly question: MuxQuestion;
  open(handlers: PassengerHandlers, descriptors: PassedDescriptors): Promise<Passenger>;
}

/** Bytes that carry descriptors behind a request. */
const descriptorCounts: ReadonlyMap<number, number> = new Map([
  [messages.newSession.number, messages.sessionDescriptors],
  [messages.newStdioForward.number, messages.stdioForwardDescriptors],
]);

const noEscape = 0xffff_ffff;
const pathPort = 0xffff_fffe;

function refuse(requestId: number, reason: string): Buffer {
  return messages.failure.encode({ requestId, reason: Buffer.from(reason) });
}

function readSubject(bytes: Buffer): MuxInfoSubject | undefined {
  const name = bytes.toString('utf8');
  return name === 'connection' || name === 'channels' ? name : undefined;
}

/** A refusal for handlers to throw, in the words that OpenSSH's master uses. */
export function muxRefusal(reason: string): SshError {
  return new SshError(reason, { code: 'request-refused', stage: 'channel' });
}
