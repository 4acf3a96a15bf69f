/** File access as the conversations need it; whoever runs one brings it along. Paths are bytes. */
import type { ScpTimes } from './records.ts';

/** What a source reads. Errors say why and leave the path out; it is added. */
export interface ScpSourceFiles {
  /** Opens what a path leads to, links followed. */
  open(path: Buffer): Promise<ScpSourceItem>;
}

interface Described {
  readonly mode: number;
  readonly times: ScpTimes;
  close(): Promise<void>;
}

export interface ScpSourceFile extends Described {
  readonly kind: 'file';
  readonly size: number;
  /** The next bytes, at most so many and none at the end. They are the caller's from then on. */
  read(byteCount: number): Promise<Uint8Array>;
}

export interface ScpSourceFolder extends Described {
  readonly kind: 'folder';
  /** The same for two paths that lead to one folder: a link back to a folder above would never end. */
  readonly identity: string | undefined;
  /** Names in it, without `.` and `..`. */
  names(): AsyncIterable<Uint8Array> | Promise<Iterable<Uint8Array>>;
}

export type ScpSourceItem = ScpSourceFile | ScpSourceFolder | (Described & { readonly kind: 'other' });

/** What a sink writes. */
export interface ScpSinkFiles {
  /** What a path leads to, links followed; undefined for nothing. */
  look(path: Buffer): Promise<'file' | 'folder' | 'other' | undefined>;
  /** Where a link leads in the end; undefined where the path itself is no link. Fails where it leads nowhere. */
  followLink(path: Buffer): Promise<Buffer | undefined>;
  /** The path without links in it. */
  realPath(path: Buffer): Promise<Buffer>;
  /** The system's umask takes its part of the mode, as with files. */
  makeFolder(path: Buffer, mode: number): Promise<void>;
  getMode(path: Buffer): Promise<number>;
  /** Opens a file for writing from its beginning, made where there is none; what it holds stays until it is written over. */
  create(path: Buffer, mode: number): Promise<ScpSinkFile>;
  setMode(path: Buffer, mode: number): Promise<void>;
  setTimes(path: Buffer, times: ScpTimes): Promise<void>;
}

export interface ScpSinkFile {
  /** Writes all of it behind what was written. */
  write(chunks: readonly Uint8Array[]): Promise<void>;
  truncate(size: number): Promise<void>;
  getMode(): Promise<number>;
  setMode(mode: number): Promise<void>;
  setTimes(times: ScpTimes): Promise<void>;
  close(): Promise<void>;
}
