/** memoryFileSystem(): files that live as long as the process, for tests and for what is made on the fly. */
import { maxSymbolicLinks } from '../../limits.ts';
import type { FileAttributes, FileSystemStatus } from '../../sftp/index.ts';
import {
  type DirectoryEntry,
  type DirectoryHandle,
  type FileHandle,
  type FileSystem,
  fileError,
  type OpenRequest,
} from '../../sftp/server/index.ts';
import { MemoryFile, type Metadata, newMetadata, setMetadata } from './memory-file.ts';
import { formatPath, isAbsolute, isDotDot, splitPath } from './paths.ts';

export interface MemoryFileSystemOptions {
  /** Bytes that all files may hold together. Default 64 MiB: a client could fill the memory otherwise. */
  readonly maxBytes?: number;
  /** Files, folders and links in all. Default 100,000. */
  readonly maxEntries?: number;
  /** Where relative paths begin; made if it is missing. Default `/`. */
  readonly startDirectory?: string;
  /** What is there from the beginning, by path; folders on the way are made. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Milliseconds since 1970. Default: the system's clock. */
  readonly now?: () => number;
}

type Folder = Metadata & { readonly kind: 'folder'; readonly entries: Map<string, Node> };
type Link = Metadata & { readonly kind: 'link'; readonly target: Buffer };
type Node = Folder | Link | MemoryFile;

/** Where a path ends: the folder, the name in it, and what bears it. */
interface Place {
  readonly folder: Folder;
  readonly name: Buffer;
  readonly node: Node | undefined;
  /** The names from the root on. */
  readonly names: readonly Buffer[];
}

const defaultMaxBytes = 64 * 1024 * 1024;
const defaultMaxEntries = 100_000;
const maxNameBytes = 255;
const blockBytes = 4096n;
const batchEntries = 100;

/**
 * A file system in memory, with links, modes and times.
 *
 * @example
 * const files = memoryFileSystem({ files: { '/motd': 'hello' } });
 */
export function memoryFileSystem(options: MemoryFileSystemOptions = {}): FileSystem {
  return new MemoryFileSystem(options);
}

class MemoryFileSystem implements FileSystem {
  readonly #root: Folder;
  readonly #start: readonly Buffer[];
  readonly #now: () => number;
  readonly #budget: { bytes: number; entries: number; readonly maxBytes: number; readonly maxEntries: number };

  constructor({ maxBytes, maxEntries, startDirectory, files, now }: MemoryFileSystemOptions) {
    this.#now = () => Math.floor((now?.() ?? Date.now()) / 1000);
    this.#budget = {
      ...{ bytes: 0, entries: 0 },
      maxBytes: maxBytes ?? defaultMaxBytes,
      maxEntries: maxEntries ?? defaultMaxEntries,
    };
    this.#root = this.#newFolder(0o755);
    this.#start = splitPath(Buffer.from(startDirectory ?? '/'));
    this.#makeFolders(this.#start);
    for (const [path, content] of Object.entries(files ?? {})) {
      const names = splitPath(Buffer.from(path));
      this.#makeFolders(names.slice(0, -1));
      const file = this.#openPlace(this.#find(formatPath(names), true), { ...creating, mode: 0o644 });
      file.write(Buffer.from(content), 0);
    }
  }

  open(path: Buffer, request: OpenRequest): FileHandle {
    const place = this.#find(path, !(request.create && request.exclusive));
    const file = this.#openPlace(place, request);
    return file.open(request);
  }

  openDirectory(path: Buffer): DirectoryHandle {
    const { node, names } = this.#find(path, true);
    if (node === undefined) throw fileError('ENOENT');
    if (node.kind !== 'folder') throw fileError('ENOTDIR');
    const parent = this.#find(formatPath(names.slice(0, -1)), true).node ?? this.#root;
    const listed: [Buffer, Node][] = [
      [Buffer.from('.'), node],
      [Buffer.from('..'), parent],
      ...[...node.entries].map(([name, entry]): [Buffer, Node] => [Buffer.from(name, 'latin1'), entry]),
    ];
    return {
      read: (): readonly DirectoryEntry[] | undefined => {
        if (listed.length === 0) return undefined;
        return listed
          .splice(0, batchEntries)
          .map(([name, entry]) => ({ name, attributes: toAttributes(entry), links: linksOf(entry) }));
      },
      close: () => {},
    };
  }

  stat(path: Buffer): FileAttributes {
    return toAttributes(required(this.#find(path, true)));
  }

  lstat(path: Buffer): FileAttributes {
    return toAttributes(required(this.#find(path, false)));
  }

  setStat(path: Buffer, attributes: FileAttributes): void {
    this.#set(required(this.#find(path, true)), attributes);
  }

  setLinkStat(path: Buffer, attributes: FileAttributes): void {
    this.#set(required(this.#find(path, false)), attributes);
  }

  remove(path: Buffer): void {
    const place = this.#find(path, false);
    const node = required(place);
    if (node.kind === 'folder') throw fileError('EISDIR');
    this.#detach(place);
  }

  makeDirectory(path: Buffer, mode: number): void {
    this.#attach(this.#find(path, false), this.#newFolder(mode));
  }

  removeDirectory(path: Buffer): void {
    const place = this.#find(path, false);
    const node = required(place);
    if (node.kind !== 'folder') throw fileError('ENOTDIR');
    if (node === this.#root) throw fileError('EBUSY');
    if (node.entries.size > 0) throw fileError('ENOTEMPTY');
    this.#detach(place);
  }

  realPath(path: Buffer): Buffer {
    return formatPath(this.#find(path, true).names);
  }

  rename(oldPath: Buffer, newPath: Buffer, { replace }: { readonly replace: boolean }): void {
    const from = this.#find(oldPath, false);
    const to = this.#find(newPath, false);
    const node = required(from);
    if (node === this.#root) throw fileError('EBUSY');
    if (to.node === node) return;
    // A folder inside itself would belong to nobody.
    if (node.kind === 'folder' && to.names.length > from.names.length && startsWith(to.names, from.names)) {
      throw fileError('EINVAL');
    }
    if (to.node !== undefined) {
      if (!replace) throw fileError('EEXIST');
      if (node.kind === 'folder' && to.node.kind !== 'folder') throw fileError('ENOTDIR');
      if (to.node.kind === 'folder') {
        if (node.kind !== 'folder') throw fileError('EISDIR');
        if (to.node.entries.size > 0) throw fileError('ENOTEMPTY');
      }
      this.#detach(to);
    }
    this.#attach({ ...to, node: undefined }, node);
    this.#detach(from);
  }

  readLink(path: Buffer): Buffer {
    const node = required(this.#find(path, false));
    if (node.kind !== 'link') throw fileError('EINVAL');
    return node.target;
  }

  symlink(target: Buffer, linkPath: Buffer): void {
    if (target.length === 0) throw fileError('ENOENT');
    const link: Link = { kind: 'link', target: Buffer.from(target), ...newMetadata(0o120777, this.#now()) };
    this.#attach(this.#find(linkPath, false), link);
  }

  link(oldPath: Buffer, newPath: Buffer): void {
    const node = required(this.#find(oldPath, false));
    if (node.kind === 'folder') throw fileError('EPERM');
    this.#attach(this.#find(newPath, false), node);
  }

  statFileSystem(path: Buffer): FileSystemStatus {
    required(this.#find(path, true));
    const { bytes, maxBytes, entries, maxEntries } = this.#budget;
    const free = BigInt(Math.max(0, maxBytes - bytes)) / blockBytes;
    const freeFiles = BigInt(Math.max(0, maxEntries - entries));
    return {
      ...{ blockBytes, fragmentBytes: blockBytes, blocks: BigInt(maxBytes) / blockBytes },
      ...{ freeBlocks: free, availableBlocks: free, files: BigInt(maxEntries), freeFiles, availableFiles: freeFiles },
      ...{ id: 0n, flags: 0n, maxNameBytes: BigInt(maxNameBytes) },
    };
  }

  #openPlace(place: Place, { create, exclusive, truncate, write, mode }: OpenRequest): MemoryFile {
    let { node } = place;
    if (node === undefined) {
      if (!create) throw fileError('ENOENT');
      node = new MemoryFile(mode, this.#budget, this.#now);
      this.#attach(place, node);
      return node;
    }
    if (create && exclusive) throw fileError('EEXIST');
    if (node.kind === 'link') throw fileError('ELOOP');
    if (node.kind === 'folder') throw fileError('EISDIR');
    if (truncate && write) node.resize(0);
    return node;
  }

  #find(path: Buffer, follow: boolean): Place {
    if (path.length === 0) throw fileError('ENOENT');
    const pending = [...(isAbsolute(path) ? [] : this.#start), ...splitPath(path)].reverse();
    const folders: Folder[] = [this.#root];
    const names: Buffer[] = [];
    let links = 0;
    for (;;) {
      const folder = folders.at(-1) as Folder;
      const name = pending.pop();
      if (name === undefined) return { folder, name: Buffer.from('.'), node: folder, names };
      if (name.length > maxNameBytes) throw fileError('ENAMETOOLONG');
      if (isDotDot(name)) {
        if (folders.length > 1) folders.pop();
        names.pop();
        continue;
      }
      const node = folder.entries.get(keyOf(name));
      const isLast = pending.length === 0;
      if (node?.kind === 'link' && (!isLast || follow)) {
        if (++links > maxSymbolicLinks) throw fileError('ELOOP');
        pending.push(...splitPath(node.target).reverse());
        if (!isAbsolute(node.target)) continue;
        folders.length = 1;
        names.length = 0;
        continue;
      }
      if (node?.kind === 'folder') {
        if (isLast) return { folder, name, node, names: [...names, name] };
        folders.push(node);
        names.push(name);
        continue;
      }
      if (isLast) return { folder, name, node, names: [...names, name] };
      throw fileError(node === undefined ? 'ENOENT' : 'ENOTDIR');
    }
  }

  #attach({ folder, name, node }: Place, entry: Node): void {
    if (node !== undefined) throw fileError('EEXIST');
    if (this.#budget.entries >= this.#budget.maxEntries) throw fileError('ENOSPC');
    this.#budget.entries++;
    if (entry.kind === 'file') entry.links++;
    // The path is the client's memory.
    folder.entries.set(keyOf(name), entry);
    this.#touch(folder);
  }

  #detach({ folder, name, node }: Place): void {
    folder.entries.delete(keyOf(name));
    this.#budget.entries--;
    if (node?.kind === 'file') node.unlink();
    this.#touch(folder);
  }

  #touch(folder: Folder): void {
    folder.times = { accessed: folder.times.accessed, modified: this.#now() };
  }

  #set(node: Node, attributes: FileAttributes): void {
    if (node.kind === 'file') {
      node.setStat(attributes);
      return;
    }
    if (attributes.size !== undefined) throw fileError(node.kind === 'folder' ? 'EISDIR' : 'EINVAL');
    setMetadata(node, attributes);
  }

  #newFolder(mode: number): Folder {
    return { kind: 'folder', entries: new Map(), ...newMetadata(0o040000 | mode, this.#now()) };
  }

  #makeFolders(names: readonly Buffer[]): void {
    for (const [index] of names.entries()) {
      const place = this.#find(formatPath(names.slice(0, index + 1)), true);
      if (place.node === undefined) this.#attach(place, this.#newFolder(0o755));
    }
  }
}

const creating = {
  ...{ read: false, write: true, append: false, create: true, truncate: true, exclusive: false },
} as const;

/** Names are bytes: one character of latin1 a byte. */
function keyOf(name: Buffer): string {
  return name.toString('latin1');
}

function required({ node }: Place): Node {
  if (node === undefined) throw fileError('ENOENT');
  return node;
}

function startsWith(names: readonly Buffer[], head: readonly Buffer[]): boolean {
  return head.every((name, index) => names[index]?.equals(name));
}

function linksOf(node: Node): number {
  if (node.kind === 'file') return node.links;
  return node.kind === 'folder' ? 2 : 1;
}

function toAttributes(node: Node): FileAttributes {
  const size = node.kind === 'file' ? node.size : node.kind === 'link' ? node.target.length : Number(blockBytes);
  return { size, owner: node.owner, mode: node.mode, times: node.times };
}
