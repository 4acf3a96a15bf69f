/** A server of sftp with files in memory, for tests: as good as a real one, or as bad as a test says. */
import type { FileAttributes } from './attributes.ts';
import { type SftpClient, startSftp } from './client.ts';
import { checkFileHandle } from './extensions/check-file.ts';
import { copyData } from './extensions/copy-data.ts';
import { lsetstat } from './extensions/lsetstat.ts';
import { posixRename } from './extensions/posix-rename.ts';
import { encodeFrame, FrameReader } from './frames.ts';
import * as messages from './messages.ts';
import { statusCodes } from './status.ts';
import type { SftpStream } from './stream.ts';

export type Node =
  | { kind: 'file'; data: Buffer; mode: number; modified: number }
  | { kind: 'folder'; mode: number; modified: number }
  | { kind: 'link'; target: Buffer };

interface Handle {
  readonly path: string;
  readonly node: Node;
  readonly append: boolean;
  names: readonly string[] | undefined;
}

const key = (path: Buffer) => path.toString('latin1');

/** Options of a server; all of them make it worse. */
export interface MemoryServerOptions {
  readonly extensions?: readonly (readonly [string, string])[];
  /** Bytes that a READ gives at most. */
  readonly maxRead?: number;
  /** Sends the answers of a turn in an order that this chooses: gives a number from 0 to below its argument. */
  readonly pick?: (count: number) => number;
  /** Requests that are answered in a turn; the others wait. */
  readonly atOnce?: number;
  /** Answers in the server's place; undefined lets the server answer, 'nothing' nobody. */
  readonly hook?: (number: number, message: Buffer, server: MemoryServer) => Uint8Array | 'nothing' | undefined;
  /** Ends the stream when so many requests came. */
  readonly cutAfter?: number;
  /** Listings tell what links lead to. */
  readonly followsInListings?: boolean;
  /** Digest of a file, for check-file. */
  readonly digest?: (data: Buffer) => { algorithm: string; digest: Buffer } | undefined;
}

export const allExtensions: readonly (readonly [string, string])[] = [
  ['posix-rename@openssh.com', '1'],
  ['lsetstat@openssh.com', '1'],
  ['copy-data', '1'],
];

export class MemoryServer implements SftpStream {
  readonly nodes = new Map<string, Node>([['/', { kind: 'folder', mode: 0o755, modified: 1 }]]);
  readonly handles = new Map<string, Handle>();
  readonly counts = new Map<number, number>();
  mostHandles = 0;
  requests = 0;
  readonly #options: MemoryServerOptions;
  readonly #frames = new FrameReader();
  readonly #listeners: Record<string, ((value: never) => void)[]> = {};
  readonly #replies: Uint8Array[] = [];
  #nextHandle = 0;
  #isScheduled = false;
  destroyed = false;

  constructor(options: MemoryServerOptions = {}, nodes?: Map<string, Node>) {
    this.#options = options;
    if (nodes !== undefined) this.nodes = nodes;
  }

  file(path: string, data: Uint8Array | string, modified = 1_000_000, mode = 0o644): this {
    this.nodes.set(path, { kind: 'file', data: Buffer.from(data), mode, modified });
    return this;
  }

  folder(path: string, mode = 0o755, modified = 2_000_000): this {
    this.nodes.set(path, { kind: 'folder', mode, modified });
    return this;
  }

  link(path: string, target: string): this {
    this.nodes.set(path, { kind: 'link', target: Buffer.from(target, 'latin1') });
    return this;
  }

  data(path: string): Buffer {
    const node = this.nodes.get(path);
    if (node?.kind !== 'file') throw new Error(`${path} is no file`);
    return node.data;
  }

  write(bytes: Uint8Array): boolean {
    if (this.destroyed) throw new Error('the client writes after its end');
    this.#frames.push(Buffer.from(bytes), (message) => this.#take(message));
    return true;
  }

  on(event: string, listener: (value: never) => void): void {
    this.#listeners[event] ??= [];
    this.#listeners[event].push(listener);
  }

  emit(event: 'data' | 'end', value?: Buffer): void {
    for (const listener of this.#listeners[event] ?? []) listener(value as never);
  }

  destroy(): void {
    this.destroyed = true;
  }

  #take(message: Buffer): void {
    const number = message[0] as number;
    this.counts.set(number, (this.counts.get(number) ?? 0) + 1);
    if (++this.requests > (this.#options.cutAfter ?? Number.POSITIVE_INFINITY)) {
      setImmediate(() => this.emit('end'));
      return;
    }
    const chosen = this.#options.hook?.(number, message, this);
    if (chosen === 'nothing') return;
    this.#replies.push(chosen ?? this.#answer(number, Buffer.from(message)));
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    const replies = this.#replies.splice(0, this.#options.atOnce ?? this.#replies.length);
    if (this.#replies.length > 0) {
      this.#isScheduled = true;
      setImmediate(() => this.#flush());
    }
    while (replies.length > 0) {
      const [reply] = replies.splice(this.#options.pick?.(replies.length) ?? 0, 1);
      if (reply !== undefined && !this.destroyed) this.emit('data', Buffer.from(encodeFrame(reply)));
    }
  }

  #answer(number: number, message: Buffer): Uint8Array {
    if (number === messages.init.number) {
      const extensions = (this.#options.extensions ?? allExtensions).map(
        ([name, data]) => [name, Buffer.from(data)] as const,
      );
      return messages.version.encode({ version: 3, extensions });
    }
    const id = message.readUInt32BE(1);
    const handler = this.#handlers[number];
    const result = handler === undefined ? statusCodes.unsupported : handler(message, id);
    if (typeof result !== 'number') return result;
    return messages.status.encode({ id, code: result, message: Buffer.from('words'), language: Buffer.alloc(0) });
  }

  readonly #handlers: Readonly<Record<number, (message: Buffer, id: number) => Uint8Array | number>> = {
    [messages.open.number]: (message, id) => {
      const { path, flags, attributes } = messages.open.decode(message);
      const at = this.resolve(path);
      let node = this.nodes.get(at);
      if (node?.kind === 'folder') return statusCodes.failure;
      const { create, exclusive, truncate, append } = messages.openFlags;
      if (node === undefined) {
        if (!(flags & create) || this.nodes.get(parent(at))?.kind !== 'folder') return statusCodes.noSuchFile;
        node = { kind: 'file', data: Buffer.alloc(0), mode: attributes.mode ?? 0o666, modified: 3_000_000 };
        this.nodes.set(at, node);
      } else if (flags & create && flags & exclusive) return statusCodes.failure;
      if (node.kind === 'file' && flags & truncate) node.data = Buffer.alloc(0);
      return this.#open({ path: at, node, append: (flags & append) !== 0, names: undefined }, id);
    },
    [messages.close.number]: (message) => {
      const { handle } = messages.close.decode(message);
      return this.handles.delete(key(handle)) ? statusCodes.ok : statusCodes.failure;
    },
    [messages.read.number]: (message, id) => {
      const { handle, offset, length } = messages.read.decode(message);
      const node = this.handles.get(key(handle))?.node;
      if (node?.kind !== 'file') return statusCodes.failure;
      const start = Number(offset);
      const data = node.data.subarray(start, start + Math.min(length, this.#options.maxRead ?? length));
      return data.length === 0 ? statusCodes.eof : messages.data.encode({ id, data });
    },
    [messages.write.number]: (message) => {
      const { handle, offset, data } = messages.write.decode(message);
      const open = this.handles.get(key(handle));
      if (open?.node.kind !== 'file') return statusCodes.failure;
      put(open.node, open.append ? open.node.data.length : Number(offset), data);
      return statusCodes.ok;
    },
    [messages.stat.number]: (message, id) => this.#attributes(this.resolve(messages.stat.decode(message).path), id),
    [messages.lstat.number]: (message, id) => this.#attributes(this.place(messages.lstat.decode(message).path), id),
    [messages.fstat.number]: (message, id) => {
      const open = this.handles.get(key(messages.fstat.decode(message).handle));
      return open === undefined ? statusCodes.failure : this.#attributes(open.path, id);
    },
    [messages.setstat.number]: (message) => {
      const { path, attributes } = messages.setstat.decode(message);
      return this.#set(this.nodes.get(this.resolve(path)), attributes);
    },
    [messages.fsetstat.number]: (message) => {
      const { handle, attributes } = messages.fsetstat.decode(message);
      return this.#set(this.handles.get(key(handle))?.node, attributes);
    },
    [messages.opendir.number]: (message, id) => {
      const at = this.resolve(messages.opendir.decode(message).path);
      const node = this.nodes.get(at);
      if (node?.kind !== 'folder') return statusCodes.noSuchFile;
      const names = ['.', '..', ...this.children(at)];
      return this.#open({ path: at, node, append: false, names }, id);
    },
    [messages.readdir.number]: (message, id) => {
      const open = this.handles.get(key(messages.readdir.decode(message).handle));
      if (open?.names === undefined) return statusCodes.failure;
      const batch = open.names.slice(0, 50);
      open.names = open.names.slice(50);
      if (batch.length === 0) return statusCodes.eof;
      const names = batch.map((name) => {
        const child = name.startsWith('.') && name.length < 3 ? open.path : join(open.path, name);
        const seen = this.#options.followsInListings ? this.resolve(Buffer.from(child, 'latin1')) : child;
        return {
          name: Buffer.from(name, 'latin1'),
          longName: Buffer.alloc(0),
          attributes: attributesOf(this.nodes.get(seen)) ?? {},
        };
      });
      return messages.names.encode({ id, names });
    },
    [messages.remove.number]: (message) => {
      const at = this.place(messages.remove.decode(message).path);
      const node = this.nodes.get(at);
      if (node === undefined) return statusCodes.noSuchFile;
      if (node.kind === 'folder') return statusCodes.failure;
      this.nodes.delete(at);
      return statusCodes.ok;
    },
    [messages.mkdir.number]: (message) => {
      const { path, attributes } = messages.mkdir.decode(message);
      const at = this.place(path);
      if (this.nodes.has(at)) return statusCodes.failure;
      if (this.nodes.get(this.resolve(Buffer.from(parent(at), 'latin1')))?.kind !== 'folder') {
        return statusCodes.noSuchFile;
      }
      this.nodes.set(at, { kind: 'folder', mode: attributes.mode ?? 0o777, modified: 3_000_000 });
      return statusCodes.ok;
    },
    [messages.rmdir.number]: (message) => {
      const at = this.place(messages.rmdir.decode(message).path);
      if (this.nodes.get(at)?.kind !== 'folder') return statusCodes.noSuchFile;
      if (this.children(at).length > 0) return statusCodes.failure;
      this.nodes.delete(at);
      return statusCodes.ok;
    },
    [messages.realpath.number]: (message, id) => {
      const at = this.resolve(messages.realpath.decode(message).path);
      const entry = { name: Buffer.from(at, 'latin1'), longName: Buffer.alloc(0), attributes: {} };
      return messages.names.encode({ id, names: [entry] });
    },
    [messages.readlink.number]: (message, id) => {
      const node = this.nodes.get(this.place(messages.readlink.decode(message).path));
      if (node?.kind !== 'link') return statusCodes.failure;
      return messages.names.encode({
        id,
        names: [{ name: node.target, longName: Buffer.alloc(0), attributes: {} }],
      });
    },
    [messages.symlink.number]: (message) => {
      const { target, linkPath } = messages.symlink.decode(message);
      if (this.nodes.has(this.place(linkPath))) return statusCodes.failure;
      this.nodes.set(this.place(linkPath), { kind: 'link', target: Buffer.from(target) });
      return statusCodes.ok;
    },
    [messages.rename.number]: (message) => {
      const { oldPath, newPath } = messages.rename.decode(message);
      return this.nodes.has(this.place(newPath)) ? statusCodes.failure : this.#rename(oldPath, newPath);
    },
    [messages.extended.number]: (message, id) => {
      const { request, data } = messages.extended.decode(message);
      if (!(this.#options.extensions ?? allExtensions).some(([name]) => request.startsWith(name))) {
        return statusCodes.unsupported;
      }
      if (request === posixRename.name) {
        const { oldPath, newPath } = posixRename.request.decode(data);
        return this.#rename(oldPath, newPath);
      }
      if (request === lsetstat.name) {
        const { path, attributes } = lsetstat.request.decode(data);
        return this.#set(this.nodes.get(this.place(path)), attributes);
      }
      if (request === copyData.name) {
        const { readHandle, writeHandle, readOffset, writeOffset } = copyData.request.decode(data);
        const from = this.handles.get(key(readHandle))?.node;
        const to = this.handles.get(key(writeHandle))?.node;
        if (from?.kind !== 'file' || to?.kind !== 'file') return statusCodes.failure;
        put(to, Number(writeOffset), from.data.subarray(Number(readOffset)));
        return statusCodes.ok;
      }
      if (request === checkFileHandle.name) {
        const { handle, length } = checkFileHandle.request.decode(data);
        const node = this.handles.get(key(handle))?.node;
        const made = node?.kind === 'file' ? this.#options.digest?.(node.data.subarray(0, Number(length))) : undefined;
        if (made === undefined) return statusCodes.failure;
        return messages.extendedReply.encode({ id, data: checkFileHandle.reply?.encode(made) ?? Buffer.alloc(0) });
      }
      return statusCodes.unsupported;
    },
  };

  children(folder: string): string[] {
    const start = folder === '/' ? '/' : `${folder}/`;
    return [...this.nodes.keys()]
      .filter((path) => path !== '/' && path.startsWith(start) && !path.slice(start.length).includes('/'))
      .map((path) => path.slice(start.length));
  }

  /** The path without links. */
  resolve(path: Buffer, depth = 0): string {
    let at = '/';
    for (const part of absolute(path).split('/').filter(Boolean)) {
      at = join(at, part);
      const node = this.nodes.get(at);
      if (node?.kind !== 'link' || depth > 20) continue;
      const target = key(node.target);
      at = this.resolve(Buffer.from(target.startsWith('/') ? target : join(parent(at), target), 'latin1'), depth + 1);
    }
    return at;
  }

  /** The path of an entry itself, be it a link, without links on the way. */
  place(path: Buffer): string {
    const at = absolute(path);
    if (at === '/') return at;
    return join(this.resolve(Buffer.from(parent(at), 'latin1')), at.slice(at.lastIndexOf('/') + 1));
  }

  #open(handle: Handle, id: number): Uint8Array {
    const name = `h${this.#nextHandle++}`;
    this.handles.set(name, handle);
    this.mostHandles = Math.max(this.mostHandles, this.handles.size);
    return messages.handle.encode({ id, handle: Buffer.from(name) });
  }

  #attributes(path: string, id: number): Uint8Array | number {
    const attributes = attributesOf(this.nodes.get(path));
    return attributes === undefined ? statusCodes.noSuchFile : messages.attrs.encode({ id, attributes });
  }

  #set(node: Node | undefined, { size, mode, times }: FileAttributes): number {
    if (node === undefined) return statusCodes.noSuchFile;
    if (node.kind === 'link') return statusCodes.ok;
    if (size !== undefined && node.kind === 'file') {
      const data = Buffer.alloc(size);
      node.data.copy(data);
      node.data = data;
    }
    if (mode !== undefined) node.mode = mode & 0o7777;
    if (times !== undefined) node.modified = times.modified;
    return statusCodes.ok;
  }

  #rename(oldPath: Buffer, newPath: Buffer): number {
    const node = this.nodes.get(this.place(oldPath));
    if (node === undefined) return statusCodes.noSuchFile;
    this.nodes.delete(this.place(oldPath));
    this.nodes.set(this.place(newPath), node);
    return statusCodes.ok;
  }
}

/** A client of such a server. */
export async function startMemory(
  options: MemoryServerOptions = {},
  nodes?: Map<string, Node>,
): Promise<{ server: MemoryServer; sftp: SftpClient }> {
  const server = new MemoryServer(options, nodes);
  return { server, sftp: await startSftp(server) };
}

function put(node: { data: Buffer }, position: number, data: Buffer): void {
  if (node.data.length < position + data.length) {
    const grown = Buffer.alloc(position + data.length);
    node.data.copy(grown);
    node.data = grown;
  }
  data.copy(node.data, position);
}

function attributesOf(node: Node | undefined): FileAttributes | undefined {
  if (node === undefined) return undefined;
  if (node.kind === 'link') return { size: node.target.length, mode: 0o120777, times: { accessed: 1, modified: 1 } };
  const times = { accessed: node.modified, modified: node.modified };
  if (node.kind === 'folder') return { mode: 0o040000 | node.mode, times };
  return { size: node.data.length, mode: 0o100000 | node.mode, times };
}

function absolute(path: Buffer): string {
  const parts: string[] = [];
  for (const part of key(path).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

function join(folder: string, name: string): string {
  return folder === '/' ? `/${name}` : `${folder}/${name}`;
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
