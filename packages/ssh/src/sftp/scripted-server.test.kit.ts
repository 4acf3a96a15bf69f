/** A server of sftp that answers as a test says, over a stream in memory. */
import { asBuffer, type Message } from '../wire/index.ts';
import { type SftpClient, type StartSftpOptions, startSftp } from './client.ts';
import { encodeFrame, FrameReader } from './frames.ts';
import * as messages from './messages.ts';
import { statusCodes } from './status.ts';
import type { SftpStream } from './stream.ts';

/** What the client sent: the message, its number and its request id. */
export interface Received {
  readonly number: number;
  readonly id: number;
  readonly message: Buffer;
}

/** Both ends of the stream. `answer` decides what comes back; undefined answers nothing now. */
export class ScriptedServer implements SftpStream {
  readonly received: Received[] = [];
  destroyed = false;
  /** What write() gives: false asks the client to wait for 'drain'. */
  hasRoom = true;
  answer: (request: Received) => Uint8Array | undefined = () => undefined;
  readonly #frames = new FrameReader();
  readonly #listeners: Record<string, ((value: never) => void)[]> = {};
  /** Sizes of the pieces that replies are cut into; 0 leaves them whole. */
  pieceBytes = 0;

  write(bytes: Uint8Array): boolean {
    if (this.destroyed) throw new Error('the client writes after its end');
    this.#frames.push(Buffer.from(bytes), (message) => this.#take(message));
    return this.hasRoom;
  }

  on(event: string, listener: (value: never) => void): void {
    this.#listeners[event] ??= [];
    this.#listeners[event].push(listener);
  }

  emit(event: 'data' | 'error' | 'end' | 'close' | 'drain', value?: Buffer | Error): void {
    for (const listener of this.#listeners[event] ?? []) listener(value as never);
  }

  destroy(): void {
    this.destroyed = true;
  }

  /** Sends a message to the client. */
  reply(message: Uint8Array): void {
    const frame = encodeFrame(message);
    const size = this.pieceBytes || frame.length;
    for (let at = 0; at < frame.length; at += size) this.emit('data', Buffer.from(frame.subarray(at, at + size)));
  }

  /** The requests of a kind, decoded. */
  requests<T>(message: Message<T>): T[] {
    return this.received.filter(({ number }) => number === message.number).map((one) => message.decode(one.message));
  }

  #take(message: Buffer): void {
    const number = message[0] as number;
    const request = { number, id: message.readUInt32BE(1), message };
    this.received.push(request);
    const reply = this.answer(request);
    // As from a socket: never within the call that sent the request.
    if (reply !== undefined) setImmediate(() => this.reply(asBuffer(reply)));
  }
}

export const openSshExtensions: readonly (readonly [string, Buffer])[] = [
  ['posix-rename@openssh.com', '1'],
  ['statvfs@openssh.com', '2'],
  ['hardlink@openssh.com', '1'],
  ['fsync@openssh.com', '1'],
  ['lsetstat@openssh.com', '1'],
].map(([name, data]) => [name as string, Buffer.from(data as string)] as const);

export function greeting(version = messages.sftpVersion, extensions = openSshExtensions): Buffer {
  return messages.version.encode({ version, extensions });
}

export function status(id: number, code: number, text = ''): Buffer {
  return messages.status.encode({ id, code, message: Buffer.from(text), language: Buffer.alloc(0) });
}

export function ok(id: number): Buffer {
  return status(id, statusCodes.ok);
}

/** A client that has greeted; requests are answered by `answer`, or with success where it gives nothing. */
export async function startClient(
  answer: (request: Received) => Uint8Array | undefined | 'nothing' = () => undefined,
  options: StartSftpOptions & { readonly extensions?: readonly (readonly [string, Buffer])[] } = {},
): Promise<{ client: SftpClient; server: ScriptedServer }> {
  const server = new ScriptedServer();
  server.answer = (request) => {
    if (request.number === messages.init.number) return greeting(messages.sftpVersion, options.extensions);
    const chosen = answer(request);
    if (chosen === 'nothing') return undefined;
    if (chosen !== undefined) return chosen;
    if (request.number === messages.open.number || request.number === messages.opendir.number) {
      return messages.handle.encode({ id: request.id, handle: Buffer.from('h') });
    }
    return ok(request.id);
  };
  return { client: await startSftp(server, options), server };
}
