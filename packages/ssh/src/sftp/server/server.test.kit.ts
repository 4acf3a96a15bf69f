/** A client of the server that sends what a test says and keeps every reply, without a stream. */
import assert from 'node:assert/strict';
import type { Message } from '../../wire/index.ts';
import type { FileAttributes } from '../attributes.ts';
import { encodeFrame, FrameReader } from '../frames.ts';
import * as messages from '../messages.ts';
import type { FileSystem } from './file-system.ts';
import type { SftpServerOptions } from './options.ts';
import { SftpServer } from './server.ts';

const noAttributes: FileAttributes = {};

/** A reply: its number, the request's, and the message. */
export interface Reply {
  readonly number: number;
  readonly id: number;
  readonly message: Buffer;
}

export class TestClient {
  readonly server: SftpServer;
  readonly replies: Reply[] = [];
  /** What the sink says of room. */
  hasRoom = true;
  /** Frames that were taken at a time. */
  readonly batches: number[] = [];
  readonly #frames = new FrameReader();
  #nextId = 0;

  constructor(files: FileSystem, options: SftpServerOptions = {}) {
    this.server = new SftpServer(
      files,
      {
        send: (frames) => {
          this.batches.push(frames.length);
          for (const frame of frames) this.#frames.push(Buffer.from(frame), (message) => this.#take(message));
          return this.hasRoom;
        },
      },
      options,
    );
  }

  /** Sends messages in one piece. */
  send(...sent: Buffer[]): boolean {
    return this.server.receive(Buffer.concat(sent.map((message) => encodeFrame(message))));
  }

  greet(version = 3): void {
    this.send(messages.init.encode({ version, extensions: [] }));
  }

  id(): number {
    return this.#nextId++;
  }

  /** Sends a request and waits for its reply. */
  async ask<M extends { id: number }>(message: Message<M>, fields: Omit<M, 'id'>): Promise<Reply> {
    const id = this.id();
    this.send(message.encode({ ...fields, id } as M));
    return this.reply(id);
  }

  async extended(request: string, data: Buffer): Promise<Reply> {
    return this.ask(messages.extended, { request, data });
  }

  async reply(id: number): Promise<Reply> {
    for (let turn = 0; turn < 2000; turn++) {
      const found = this.replies.find((reply) => reply.id === id);
      if (found !== undefined) return found;
      await nextTurn();
    }
    return assert.fail(`no reply to request ${id}`);
  }

  async status<M extends { id: number }>(message: Message<M>, fields: Omit<M, 'id'>): Promise<number> {
    return statusCode(await this.ask(message, fields));
  }

  async open(path: string | Buffer, flags: number, attributes = noAttributes): Promise<Buffer> {
    return handleOf(await this.ask(messages.open, { path: Buffer.from(path), flags, attributes }));
  }

  #take(message: Buffer): void {
    const number = message[0] as number;
    // The greeting has a version where the others have the request's number.
    this.replies.push({ number, id: number === messages.version.number ? -1 : message.readUInt32BE(1), message });
  }
}

export function statusCode(reply: Reply): number {
  assert.equal(reply.number, messages.status.number, `message ${reply.number} is no status`);
  return messages.status.decode(reply.message).code;
}

export function handleOf(reply: Reply): Buffer {
  if (reply.number !== messages.handle.number) assert.fail(`status ${statusCode(reply)} in place of a handle`);
  return messages.handle.decode(reply.message).handle;
}

export function dataOf(reply: Reply): string {
  if (reply.number !== messages.data.number) return `status ${statusCode(reply)}`;
  return messages.data.decode(reply.message).data.toString('latin1');
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A promise that a test settles. */
export function later<T>(): { readonly promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** A file system of one file that is made of what a test gives; everything else is not there. */
export function scriptedFiles(parts: Partial<FileSystem>): FileSystem {
  const missing = () => {
    throw Object.assign(new Error('not there'), { code: 'ENOENT' });
  };
  return { open: missing, openDirectory: missing, stat: missing, realPath: (path) => path, ...parts };
}
