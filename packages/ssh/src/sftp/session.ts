/** One sftp session as its calls use it: a request out, and the reply of the kind that was asked for. */
import type { SshError } from '../errors.ts';
import { maxSftpHandleBytes } from '../limits.ts';
import type { Message } from '../wire/index.ts';
import type { SftpExtension } from './extensions/extension.ts';
import * as messages from './messages.ts';
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
  /** Names and data of the extensions that the server offers. */
  readonly extensions: ReadonlyMap<string, Buffer>;
  limits: TransferLimits = defaultLimits;

  constructor(requests: Requests, extensions: ReadonlyMap<string, Buffer>) {
    this.requests = requests;
    this.extensions = extensions;
  }

  offers({ name, version }: { readonly name: string; readonly version: string }): boolean {
    return this.extensions.get(name)?.toString('latin1') === version;
  }

  /** A request whose whole answer is a status. */
  async confirm<F>(subject: Subject, message: RequestMessage<F>, fields: F, options?: CallOptions): Promise<void> {
    const reply = await this.#send(message, fields, options);
    const { code, text } = this.#requireStatus(subject, reply);
    if (code !== statusCodes.ok) throw statusError(subject, code, text);
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
    const { handle } = await this.ask(subject, message, fields, messages.handle, { ...options, late });
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
    if (!this.offers(extension)) {
      throw sftpError('unsupported', `${describeSubject(subject)}: the server does not offer ${extension.name}`, {
        side: 'peer',
      });
    }
    const body = { request: extension.name, data: extension.request.encode(fields) };
    const { reply } = extension;
    if (reply === undefined) {
      await this.confirm(subject, messages.extended, body, options);
      return undefined as Reply;
    }
    const { data } = await this.ask(subject, messages.extended, body, messages.extendedReply, options);
    return this.#reading(() => reply.decode(data));
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
