/** A file of the file system in memory: its bytes, and what is told of it. */
import type { FileAttributes } from '../../sftp/index.ts';
import { type FileHandle, fileError, type OpenRequest } from '../../sftp/server/index.ts';

/** What every kind of entry has. */
export interface Metadata {
  mode: number;
  owner: { readonly uid: number; readonly gid: number };
  times: { readonly accessed: number; readonly modified: number };
}

/** What all files together hold, and may hold. */
interface Budget {
  bytes: number;
  readonly maxBytes: number;
}

export function newMetadata(mode: number, now: number): Metadata {
  return { mode, owner: { uid: 0, gid: 0 }, times: { accessed: now, modified: now } };
}

export function setMetadata(entry: Metadata, { mode, owner, times }: FileAttributes): void {
  if (mode !== undefined) entry.mode = (entry.mode & ~0o7777) | (mode & 0o7777);
  if (owner !== undefined) entry.owner = owner;
  if (times !== undefined) entry.times = times;
}

const smallestBytes = 256;
let nextIdentity = 0;

export class MemoryFile implements Metadata {
  readonly kind = 'file';
  mode: number;
  owner: Metadata['owner'];
  times: Metadata['times'];
  /** Names that lead to it. */
  links = 0;
  size = 0;
  /** What was written, and room to grow. */
  #bytes = Buffer.alloc(0);
  #handles = 0;
  readonly #identity = `memory ${nextIdentity++}`;
  readonly #budget: Budget;
  readonly #now: () => number;

  constructor(mode: number, budget: Budget, now: () => number) {
    ({ mode: this.mode, owner: this.owner, times: this.times } = newMetadata(0o100000 | (mode & 0o7777), now()));
    this.#budget = budget;
    this.#now = now;
  }

  open({ read, write, append }: OpenRequest): FileHandle {
    this.#handles++;
    return {
      identity: this.#identity,
      ...(read && { read: (into: Buffer, offset: number) => this.read(into, offset) }),
      ...(write && { write: (bytes: Buffer, offset: number) => this.write(bytes, append ? this.size : offset) }),
      stat: () => ({ size: this.size, owner: this.owner, mode: this.mode, times: this.times }),
      setStat: (attributes) => {
        if (attributes.size !== undefined && !write) throw fileError('EINVAL');
        this.setStat(attributes);
      },
      sync: () => {},
      close: () => {
        this.#handles--;
        this.#release();
      },
    };
  }

  setStat(attributes: FileAttributes): void {
    if (attributes.size !== undefined) this.resize(attributes.size);
    setMetadata(this, attributes);
  }

  read(into: Buffer, offset: number): number {
    return offset < this.size ? this.#bytes.copy(into, 0, offset, this.size) : 0;
  }

  write(bytes: Buffer, offset: number): void {
    if (bytes.length === 0) return;
    if (offset + bytes.length > this.size) this.#grow(offset + bytes.length);
    this.#bytes.set(bytes, offset);
    this.times = { accessed: this.times.accessed, modified: this.#now() };
  }

  resize(size: number): void {
    if (size > this.size) this.#grow(size);
    else {
      // Bytes behind the end must not come back when it grows again.
      this.#bytes.fill(0, size, this.size);
      this.#budget.bytes -= this.size - size;
      this.size = size;
      if (size === 0) this.#bytes = Buffer.alloc(0);
    }
    this.times = { accessed: this.times.accessed, modified: this.#now() };
  }

  /** A name is gone; the bytes stay for whoever has it open. */
  unlink(): void {
    this.links--;
    this.#release();
  }

  #release(): void {
    if (this.links > 0 || this.#handles > 0) return;
    this.#budget.bytes -= this.size;
    this.size = 0;
    this.#bytes = Buffer.alloc(0);
  }

  #grow(size: number): void {
    const more = size - this.size;
    if (this.#budget.bytes + more > this.#budget.maxBytes) throw fileError('ENOSPC');
    if (size > this.#bytes.length) {
      const grown = Buffer.alloc(
        Math.min(Math.max(size, this.#bytes.length * 2, smallestBytes), this.#budget.maxBytes),
      );
      this.#bytes.copy(grown, 0, 0, this.size);
      this.#bytes = grown;
    }
    this.#budget.bytes += more;
    this.size = size;
  }
}
