/** The files of some folders, each read without ever waiting for one: no pipe, device or endless file holds it up. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { SshError } from '@nacre/ssh/errors';
import { describeSystemError } from '../../ssh-keygen/ending.ts';

/** A regular file that was read. */
export interface FoundFile {
  readonly path: string;
  /** As it was before it was opened: reading may change the time of access. */
  readonly stats: Stats;
  readonly identity: string;
  /** One character a byte; what is no text is of no interest. */
  readonly text: string;
}

/** A file or folder that is there and was not read. */
export interface UnreadFile {
  readonly path: string;
  readonly stats: Stats | undefined;
  readonly reason: string;
  readonly code: 'unreadable' | 'too-large';
}

export interface FoundFolder {
  readonly path: string;
  readonly stats: Stats;
}

/** Keys are small; of what is larger only the files that list keys are read, by their names. */
const maxKeyBytes = 1024 * 1024;
const maxListBytes = 64 * 1024 * 1024;
const listName = /known_hosts|authorized_keys|allowed_signers/;
/** Deeper down, nobody keeps keys by hand. */
const maxDepth = 4;
/** A home folder given by mistake must not take minutes. */
const maxEntries = 20_000;

export class FileFinder {
  readonly files: FoundFile[] = [];
  readonly unread: UnreadFile[] = [];
  readonly folders: FoundFolder[] = [];
  readonly #seen = new Set<string>();
  #entries = 0;

  /**
   * Reads what is in a folder, and in the folders in it; a path that is a file is read as such.
   *
   * @throws the file system's error where there is no such thing, or it may not be looked into.
   */
  addFolder(path: string): void {
    const stats = statSync(path);
    if (stats.isDirectory()) this.#walk(path, stats, readdirSync(path), 0);
    else this.addKeyFile(path);
  }

  /** A file that is named by itself, and what belongs to a key by that name. */
  addKeyFile(path: string): void {
    for (const end of ['', '.pub', '-cert.pub']) this.addFile(`${path}${end}`);
  }

  /** Reads one file, once. Where there is none, nothing happens. */
  addFile(path: string): void {
    let stats: Stats;
    try {
      stats = statSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#addDangling(path);
      else this.#addUnread(path, undefined, describeSystemError(error));
      return;
    }
    if (!stats.isFile()) return;
    const identity = `${stats.dev}:${stats.ino}`;
    // The same file under two names (a link) is one key.
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    const limit = listName.test(path) ? maxListBytes : maxKeyBytes;
    if (stats.size > limit) {
      if (listName.test(path)) {
        this.unread.push({ path, stats, reason: `${stats.size} bytes, at most ${limit} are read`, code: 'too-large' });
      }
      return;
    }
    try {
      const text = readRegularFile(path, limit);
      if (text !== undefined) this.files.push({ path, stats, identity, text });
    } catch (error) {
      this.#addUnread(path, stats, describeSystemError(error));
    }
  }

  #walk(path: string, stats: Stats, names: readonly string[], depth: number): void {
    const identity = `${stats.dev}:${stats.ino}`;
    if (this.#seen.has(identity)) return;
    this.#seen.add(identity);
    this.folders.push({ path, stats });
    for (const name of [...names].sort()) {
      if (++this.#entries > maxEntries) {
        throw new SshError(`there are more than ${maxEntries} files below it`, {
          code: 'limit-exceeded',
          stage: 'usage',
        });
      }
      const below = join(path, name);
      const found = lstatIfThere(below);
      // A link to a folder may lead anywhere, round in circles too.
      if (found?.isDirectory()) this.#enter(below, found, depth + 1);
      else if (found?.isFile() || found?.isSymbolicLink()) this.addFile(below);
    }
  }

  #enter(path: string, stats: Stats, depth: number): void {
    if (depth > maxDepth) return;
    let names: string[];
    try {
      names = readdirSync(path);
    } catch (error) {
      this.#addUnread(path, stats, describeSystemError(error));
      return;
    }
    this.#walk(path, stats, names, depth);
  }

  #addDangling(path: string): void {
    if (lstatIfThere(path)?.isSymbolicLink()) this.#addUnread(path, undefined, 'the link leads nowhere');
  }

  #addUnread(path: string, stats: Stats | undefined, reason: string): void {
    this.unread.push({ path, stats, reason, code: 'unreadable' });
  }
}

function lstatIfThere(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

/** The text of a regular file as far as the limit; undefined where it has become something else meanwhile. */
export function readRegularFile(path: string, limit: number): string | undefined {
  const file = openQuietly(path);
  try {
    if (!fstatSync(file).isFile()) return undefined;
    const chunks: string[] = [];
    const chunk = Buffer.alloc(Math.min(limit, 256 * 1024));
    for (let left = limit; left > 0; ) {
      const count = readSync(file, chunk, 0, Math.min(chunk.length, left), null);
      if (count === 0) break;
      chunks.push(chunk.toString('latin1', 0, count));
      left -= count;
    }
    chunk.fill(0);
    return chunks.join('');
  } finally {
    closeSync(file);
  }
}

/**
 * Opens without waiting (a pipe may have been put in the file's place), and where the system lets us, without leaving a time of
 * access behind: that is what tells whether a key is used.
 */
function openQuietly(path: string): number {
  const {
    O_RDONLY,
    O_NONBLOCK = 0,
    O_NOCTTY = 0,
    O_NOATIME = 0,
  } = constants as Partial<typeof constants> & {
    O_RDONLY: number;
  };
  const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
  try {
    return openSync(path, flags | O_NOATIME);
  } catch (error) {
    // Only the owner may leave no trace.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    return openSync(path, flags);
  }
}
