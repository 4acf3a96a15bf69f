/** What the requests of one session share. */
import { maxSftpOpenHandles, maxSftpPathBytes } from '../../limits.ts';
import { printable } from '../../wire/index.ts';
import { whenThere } from './awaitable.ts';
import { fileError } from './failure.ts';
import type { Awaitable, FileSystem } from './file-system.ts';
import { HandleTable, type OpenFile, type OpenHandle } from './handles.ts';
import { type SftpLogLevel, sftpLogLevels } from './log.ts';
import type { SftpServerOptions, SftpServerSink } from './options.ts';

export class ServerSession {
  readonly files: FileSystem;
  readonly options: SftpServerOptions;
  readonly maxHandles: number;
  readonly handles: HandleTable;
  readonly allocate: (byteCount: number) => Buffer;
  /** Gives back what was allocated and is not sent. */
  readonly release: (memory: Buffer) => void;
  /** The client's version. */
  version = 0;
  /** The client has gone: what takes long is given up. */
  isEnded = false;
  readonly #level: number;
  readonly #users = new Map<number, string>();
  readonly #groups = new Map<number, string>();

  constructor(files: FileSystem, options: SftpServerOptions, sink: Pick<SftpServerSink, 'allocate' | 'release'>) {
    this.files = files;
    this.options = options;
    this.maxHandles = options.maxHandles ?? maxSftpOpenHandles;
    this.handles = new HandleTable(this.maxHandles);
    this.allocate = (byteCount) => sink.allocate?.(byteCount) ?? Buffer.allocUnsafeSlow(byteCount);
    this.release = (memory) => sink.release?.(memory);
    this.#level = sftpLogLevels.indexOf(options.log?.level ?? 'quiet');
  }

  /** Permissions of something new. */
  newMode(mode: number): number {
    return mode & 0o7777 & ~(this.options.umask ?? 0);
  }

  /** Whether lines of a level are wanted: making them costs time. */
  logs(level: SftpLogLevel): boolean {
    return sftpLogLevels.indexOf(level) <= this.#level;
  }

  log(level: Exclude<SftpLogLevel, 'quiet'>, text: string): void {
    if (this.logs(level)) this.options.log?.write(level, text);
  }

  /** A line that names paths: made only where it is wanted. */
  logPaths(level: Exclude<SftpLogLevel, 'quiet'>, format: (...paths: string[]) => string, ...paths: Buffer[]): void {
    if (this.logs(level)) this.options.log?.write(level, format(...paths.map((path) => `"${printable(path, 'one')}"`)));
  }

  /** The path as the file system may see it. A NUL would end it early for a file system that is written in C. */
  path(path: Buffer): Buffer {
    if (path.includes(0)) throw fileError('EINVAL');
    if (path.length > maxSftpPathBytes) throw fileError('ENAMETOOLONG');
    return path;
  }

  /** The user's name, or number. */
  userName(uid: number): Awaitable<string> {
    return this.#users.get(uid) ?? this.#look(uid, this.#users, this.options.accounts?.user(uid));
  }

  groupName(gid: number): Awaitable<string> {
    return this.#groups.get(gid) ?? this.#look(gid, this.#groups, this.options.accounts?.group(gid));
  }

  #look(id: number, names: Map<number, string>, found: Awaitable<string | undefined>): Awaitable<string> {
    return whenThere(found, (name = String(id)) => {
      if (names.size < maxNamesKept) names.set(id, name);
      return name;
    });
  }

  /** An open file, or undefined for a handle that was never given, is closed, or is a directory's. */
  file(handle: Buffer): OpenFile | undefined {
    return this.handles.file(handle);
  }

  /** The line about something closed. */
  logClose(opened: OpenHandle, how = ''): void {
    this.logPaths(
      'info',
      (path) =>
        opened.kind === 'directory'
          ? `${how}closedir ${path}`
          : `${how}close ${path} bytes read ${opened.bytesRead} written ${opened.bytesWritten}`,
      opened.path,
    );
  }
}

/** A client may own files of a million users. */
const maxNamesKept = 4096;
