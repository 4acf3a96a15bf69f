/** The two ends of a transfer, as far as the engine needs to know them. */
import type { FileType } from '../../sftp/index.ts';

/** What is known of a file. */
export interface Facts {
  readonly kind: FileType | undefined;
  readonly size: number | undefined;
  /** Permission bits and the type, as in stat(2). */
  readonly mode: number | undefined;
  /** Seconds since 1970. */
  readonly times: { readonly accessed: number; readonly modified: number } | undefined;
}

/** Of a folder's mode: who may write into one that is sticky must not take away others' files there. */
export const folderModeBits = 0o1777;

export interface Entry {
  readonly name: Buffer;
  readonly facts: Facts;
}

/** Bytes on their way. Whoever took them from a source hands them to a target, or releases them. */
export interface Chunk {
  readonly position: number;
  readonly data: Buffer;
  /** The memory that the target had given for them, where the data stands in such memory. */
  readonly memory?: Memory | undefined;
  release(): void;
}

/** Memory of a target's, with room before the data for what goes before it on the wire. */
export interface Memory {
  readonly frame: Buffer;
  readonly data: Buffer;
}

/** Gives memory to sources that read into it; waits while too much is under way. */
export interface MemorySource {
  readonly chunkBytes: number;
  take(bytes: number): Promise<Memory>;
  /** Takes back what was not used. */
  give(memory: Memory, bytes: number): void;
}

/** Something that is being read, in order. */
export interface Reading {
  next(): Promise<Chunk | undefined>;
  stop(reason?: Error): void;
}

export interface Digest {
  readonly algorithm: string;
  readonly digest: Buffer;
}

export interface SourceFile {
  read(start: number, size: number | undefined, memory: MemorySource | undefined): Reading;
  /** Nobody waits for it. */
  close(): void;
}

export interface Side {
  /** Of what a link leads to. @throws SshError `no-such-file` */
  stat(path: Buffer): Promise<Facts>;
  /** Of a link itself. */
  lstat(path: Buffer): Promise<Facts>;
  realpath(path: Buffer): Promise<Buffer>;
  /** A digest that this side makes without the file's bytes coming here; undefined where it cannot. */
  ownDigest(path: Buffer, algorithms: readonly string[], bytes: number): Promise<Digest | undefined>;
  /** The digest of a file's beginning, by reading it. */
  readDigest(path: Buffer, algorithm: string, bytes: number): Promise<Buffer>;
}

export interface SourceSide extends Side {
  list(path: Buffer): AsyncIterable<Entry>;
  readLink(path: Buffer): Promise<Buffer>;
  open(path: Buffer, isFollowed: boolean): Promise<SourceFile>;
}

export interface OpenTarget {
  /** Of a file that is made. */
  readonly mode: number | undefined;
  /** Keeps what is there, to go on behind it. */
  readonly keep: boolean;
  /** The name is the caller's own word: a link of that name is followed. Never so for names that a server gave. */
  readonly isNamed: boolean;
  readonly isSparse: boolean;
  /** Where writing begins. */
  readonly start: number;
}

/** What is done to a file when all is written. */
export interface Finish {
  /** Its length, where the last of it may not have been written. */
  readonly size: number | undefined;
  readonly mode: number | undefined;
  readonly times: Facts['times'];
  readonly flush: boolean;
}

export interface TargetFile {
  /** Memory to read into, where that saves copying. */
  readonly memory: MemorySource | undefined;
  /** Takes bytes, in order; they are released when they are written. @throws the first failure of those before. */
  write(chunk: Chunk): void;
  /** All bytes before this position are written. */
  readonly writtenEnd: number;
  /** Waits until all is written, sets what is to be set, and closes. @throws the first failure. */
  finish(finish: Finish): Promise<void>;
  /** Cuts the file where what was written ends, so that it can be gone on with, and closes. Never rejects. */
  abandon(): Promise<void>;
  /** What waits fails with this. */
  stop(error: Error): void;
}

export interface TargetSide extends Side {
  /** Refuses names that are none inside a folder, or that this system would take for something else. */
  requireName(name: Buffer): void;
  /** What two names have in common that lead to the same file here. */
  foldName(name: Buffer): string;
  open(path: Buffer, options: OpenTarget): Promise<TargetFile>;
  /**
   * Makes a folder, or finds one there; a link in its place is followed only where it is the caller's own word.
   *
   * @returns whether it was made.
   */
  makeFolder(path: Buffer, mode: number | undefined, isNamed: boolean): Promise<boolean>;
  finishFolder(path: Buffer, facts: Facts): Promise<void>;
  makeLink(path: Buffer, target: Buffer): Promise<void>;
  rename(from: Buffer, to: Buffer): Promise<void>;
}
