/** One sftp session as its calls use it: a request out, and the reply of the kind that was asked for. */
import type { SshError } from '../errors.ts';
import { maxSftpHandleBytes } from '../limits.ts';
import type { Message } from '../wire/index.ts';
import type { SftpExtension } from './extensions/extension.ts';
import { decodeData, encodeRead, writeHead, writeHeadBytes } from './hot-messages.ts';
import * as messages from './messages.ts';
import { type SftpName, toName } from './name.ts';
import { PathWindow } from './path-window.ts';
import type { CallOptions, RequestOptions, Requests } from './requests.ts';
import { badSftp, readingSftp, sftpError } from './sftp-error.ts';
import { describeSubject, type Subject, statusCodes, statusError } from './status.ts';

/** A declared request whose fields are F, and its number. */
type RequestMessage<F> = Message<NoInfer<F> & { id: number }>;

/** How large reads and writes may be. */
export interface TransferLimits {
  readonly readBytes: number;
  readonly writeBytes: number;
  /** Handles that may be open at once; undefined where the server names no limit. */
  readonly openHandles: number | undefined;
}

/** What a server that names no limits takes: the draft has every server take messages of 34,000 bytes. */
const defaultLimits: TransferLimits = { readBytes: 32 * 1024, writeBytes: 32 * 1024, openHandles: undefined };

/** Gives messages their numbers, and turns statuses into errors. */
export class SftpSession {
  readonly requests: Requests;
  /** Names and data of the extensions that the server offers; none before it has greeted. */
  extensions: ReadonlyMap<string, Buffer> = new Map();
  limits: TransferLimits = defaultLimits;
  /** What the path to the server holds, as far as it was measured. */
  readonly path: PathWindow;
  readonly #now: () => number;

  constructor(requests: Requests, now: () => number) {
    this.requests = requests;
    this.#now = now;
    this.path = new PathWindow(now);
  }

  offers({ name, version }: { readonly name: string; readonly version: string | undefined }): boolean {
    const announced = this.extensions.get(name);
    return announced !== undefined && (version === undefined || announced.toString('latin1') === version);
  }

  /** A request whose whole answer is a status. */
  async confirm<F>(subject: Subject, message: RequestMessage<F>, fields: F, options?: CallOptions): Promise<void> {
    this.#requireOk(subject, await this.#send(message, fields, options));
  }

  /** A request that is answered with a message of its own kind, or a status that says why not. */
  async ask<F, R>(
    subject: Subject,
    message: RequestMessage<F>,
    fields: F,
    answer: Message<R>,
    options?: RequestOptions,
  ): Promise<R> {
    const reply = await this.#send(message, fields, options);
    if (reply[0] === answer.number) return this.#read(answer, reply);
    const { code, text } = this.#requireStatus(subject, reply);
    throw this.#refusal(subject, code, text);
  }

  /** As `ask`, for the requests that a status "end of file" ends in good order: undefined then. */
  async askUntilEnd<F, R>(
    subject: Subject,
    message: RequestMessage<F>,
    fields: F,
    answer: Message<R>,
    options?: RequestOptions,
  ): Promise<R | undefined> {
    const reply = await this.#send(message, fields, options);
    if (reply[0] === answer.number) return this.#read(answer, reply);
    const { code, text } = this.#requireStatus(subject, reply);
    if (code === statusCodes.eof) return undefined;
    throw this.#refusal(subject, code, text);
  }

  /**
   * Reads with one request; undefined at the end of the file. The bytes are a view of the reply: `recycle` takes its memory back.
   */
  async read(
    subject: Subject,
    handle: Buffer,
    position: number,
    byteCount: number,
    options?: CallOptions,
  ): Promise<Buffer | undefined> {
    const reply = await this.requests.sendFrame(
      (id) => encodeRead(id, handle, position, byteCount),
      undefined,
      options,
    );
    if (reply[0] !== messages.data.number) {
      const { code, text } = this.#requireStatus(subject, reply);
      if (code === statusCodes.eof) return undefined;
      throw this.#refusal(subject, code, text);
    }
    const data = this.#reading(() => decodeData(reply));
    // No bytes and no end: whoever reads on would read for ever.
    if (data.length === 0) {
      throw this.#broken('read: the server sent no bytes, and did not say that the file ends');
    }
    if (data.length > byteCount) {
      throw this.#broken(`read: the server sent ${data.length} bytes where ${byteCount} were asked for`);
    }
    return data;
  }

  /** Takes back the memory of what `read` gave. */
  recycle(data: Buffer): void {
    this.requests.recycle(data);
  }

  /** Writes with one request. The bytes are sent as they are, and must not change before the answer. */
  async write(
    subject: Subject,
    handle: Buffer,
    position: number,
    data: Uint8Array,
    options?: CallOptions,
  ): Promise<void> {
    const head = (id: number) => {
      const frame = Buffer.allocUnsafe(writeHeadBytes(handle));
      writeHead(frame, id, handle, position, data.length);
      return frame;
    };
    this.#requireOk(subject, await this.requests.sendFrame(head, data, options));
  }

  /** As `write`, for data that stands in a frame with room for the head before it: nothing is copied. */
  async writeFrame(
    subject: Subject,
    handle: Buffer,
    position: number,
    frame: Buffer,
    options?: CallOptions,
  ): Promise<void> {
    const fill = (id: number) => {
      writeHead(frame, id, handle, position, frame.length - writeHeadBytes(handle));
      return frame;
    };
    this.#requireOk(subject, await this.requests.sendFrame(fill, undefined, options));
  }

  /** A request for a handle. One that comes after the call was given up is closed: nobody else would. */
  async openHandle<F>(
    subject: Subject,
    message: RequestMessage<F>,
    fields: F,
    options: CallOptions = {},
  ): Promise<Buffer> {
    const late = (reply: Buffer) => {
      if (reply[0] !== messages.handle.number) return;
      const { handle } = this.#read(messages.handle, reply);
      this.confirm({ operation: 'close' }, messages.close, { handle }).catch(() => {});
    };
    const departedMs = this.#now();
    const { handle } = await this.ask(subject, message, fields, messages.handle, { ...options, late });
    this.path.noteRoundTrip(departedMs);
    if (handle.length <= maxSftpHandleBytes) return Buffer.from(handle);
    throw this.#broken(`the server gave a handle of ${handle.length} bytes, at most ${maxSftpHandleBytes} are allowed`);
  }

  /** A request of an extension. @throws SshError `unsupported` where the server does not offer it. */
  async extended<Request, Reply>(
    subject: Subject,
    extension: SftpExtension<Request, Reply>,
    fields: Request,
    options?: CallOptions,
  ): Promise<Reply> {
    this.requireOffered(subject, extension);
    return this.extendedUnasked(subject, extension, fields, options);
  }

  /** As `extended`, whatever the server announced. */
  async extendedUnasked<Request, Reply>(
    subject: Subject,
    extension: SftpExtension<Request, Reply>,
    fields: Request,
    options?: CallOptions,
  ): Promise<Reply> {
    const body = { request: extension.name, data: extension.request.encode(fields) };
    const { reply } = extension;
    if (reply === undefined) {
      await this.confirm(subject, messages.extended, body, options);
      return undefined as Reply;
    }
    const { data } = await this.ask(subject, messages.extended, body, messages.extendedReply, options);
    return this.#reading(() => reply.decode(data));
  }

  /** A request that is answered with one name. */
  async askName<F>(subject: Subject, message: RequestMessage<F>, fields: F, options?: CallOptions): Promise<SftpName> {
    const { names } = await this.ask(subject, message, fields, messages.names, options);
    const [only] = names;
    if (only !== undefined && names.length === 1) return toName(only.name);
    throw this.#broken(`${subject.operation}: the server gave ${names.length} names where one was asked for`);
  }

  /** A request of an extension that is answered with one name. */
  async extendedName<Request>(
    subject: Subject,
    extension: SftpExtension<Request>,
    fields: Request,
    options?: CallOptions,
  ): Promise<SftpName> {
    this.requireOffered(subject, extension);
    const body = { request: extension.name, data: extension.request.encode(fields) };
    return this.askName(subject, messages.extended, body, options);
  }

  /** @throws SshError `unsupported` where the server does not offer it. */
  requireOffered(subject: Subject, extension: { readonly name: string; readonly version: string | undefined }): void {
    if (this.offers(extension)) return;
    throw sftpError('unsupported', `${describeSubject(subject)}: the server does not offer ${extension.name}`, {
      side: 'peer',
    });
  }

  /** What the server must not do ends the session, whoever was asking. */
  #broken(message: string): SshError {
    const error = badSftp(message);
    this.requests.fail(error);
    return error;
  }

  #refusal(subject: Subject, code: number, text: Buffer | undefined): SshError {
    if (code !== statusCodes.ok) return statusError(subject, code, text);
    return this.#broken(`${describeSubject(subject)}: the server answered success without what was asked for`);
  }

  #requireOk(subject: Subject, reply: Buffer): void {
    const { code, text } = this.#requireStatus(subject, reply);
    if (code !== statusCodes.ok) throw statusError(subject, code, text);
  }

  #requireStatus(subject: Subject, reply: Buffer): { code: number; text: Buffer | undefined } {
    if (reply[0] !== messages.status.number) {
      throw this.#broken(`${describeSubject(subject)}: message ${reply[0]} is no answer to the request`);
    }
    const { code, message } = this.#read(messages.status, reply);
    return { code, text: message };
  }

  #read<T>(message: Message<T>, reply: Buffer): T {
    return this.#reading(() => message.decode(reply));
  }

  #reading<T>(decode: () => T): T {
    try {
      return readingSftp(decode);
    } catch (error) {
      this.requests.fail(error as SshError);
      throw error;
    }
  }

  #send<F>(message: RequestMessage<F>, fields: F, options: RequestOptions | undefined): Promise<Buffer> {
    return this.requests.send((id) => message.encode({ ...fields, id }), options);
  }
}
