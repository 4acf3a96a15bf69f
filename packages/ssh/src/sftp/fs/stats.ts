/** What a file is, in the form of node:fs. */
import { type FileAttributes, type FileType, fileType } from '../attributes.ts';

/** Questions about the type of a file; each is no where the server does not tell the type. */
abstract class Typed {
  protected abstract readonly type: FileType | undefined;

  isFile(): boolean {
    return this.type === 'file';
  }

  isDirectory(): boolean {
    return this.type === 'directory';
  }

  isSymbolicLink(): boolean {
    return this.type === 'symlink';
  }

  isFIFO(): boolean {
    return this.type === 'fifo';
  }

  isSocket(): boolean {
    return this.type === 'socket';
  }

  isCharacterDevice(): boolean {
    return this.type === 'character';
  }

  isBlockDevice(): boolean {
    return this.type === 'block';
  }
}

/**
 * As fs.Stats, as far as sftp version 3 tells it. Numbers that the server left out are 0; `attributes` shows which it gave.
 */
export class SftpStats extends Typed {
  readonly attributes: FileAttributes;

  constructor(attributes: FileAttributes) {
    super();
    this.attributes = attributes;
  }

  get size(): number {
    return this.attributes.size ?? 0;
  }

  get mode(): number {
    return this.attributes.mode ?? 0;
  }

  get uid(): number {
    return this.attributes.owner?.uid ?? 0;
  }

  get gid(): number {
    return this.attributes.owner?.gid ?? 0;
  }

  /** Milliseconds since 1970; the protocol has whole seconds. */
  get atimeMs(): number {
    return (this.attributes.times?.accessed ?? 0) * 1000;
  }

  get mtimeMs(): number {
    return (this.attributes.times?.modified ?? 0) * 1000;
  }

  get atime(): Date {
    return new Date(this.atimeMs);
  }

  get mtime(): Date {
    return new Date(this.mtimeMs);
  }

  protected get type(): FileType | undefined {
    return fileType(this.attributes);
  }
}

/** As fs.Dirent. `stats` came with the listing, and asking for them again is not needed. */
export class SftpDirent<Name extends string | Buffer = string> extends Typed {
  readonly name: Name;
  /** The folder that it stands in, as the listing was asked for. */
  readonly parentPath: Name;
  /** Of the entry itself, not of what a link leads to. */
  readonly stats: SftpStats;

  constructor(name: Name, parentPath: Name, attributes: FileAttributes) {
    super();
    this.name = name;
    this.parentPath = parentPath;
    this.stats = new SftpStats(attributes);
  }

  protected get type(): FileType | undefined {
    return fileType(this.stats.attributes);
  }
}
