/** Local files as one end of a transfer. */
import { constants } from 'node:fs';
import fs from 'node:fs/promises';
import { startHash } from '../../crypto/running-hash.ts';
import { SshError } from '../../errors.ts';
import { type FileType, fileType, joinPath } from '../../sftp/index.ts';
import { printable } from '../../wire/index.ts';
import { LocalCalls, noFollow, pathForNode } from './local-calls.ts';
import { localError } from './local-error.ts';
import { foldLocalName, requireLocalName } from './local-names.ts';
import { LocalTargetFile } from './local-target-file.ts';
import {
  type Chunk,
  type Digest,
  type Entry,
  type Facts,
  folderModeBits,
  type MemorySource,
  type OpenTarget,
  type Reading,
  type SourceFile,
  type SourceSide,
  type TargetFile,
  type TargetSide,
} from './side.ts';
import type { TransferOptions } from './types.ts';

/** What is read at once where nobody gives memory to read into. */
const readBytes = 256 * 1024;
/** What is read at once of a file that is longer than it says. */
const unknownBytes = 16 * 1024;
/** Entries of a folder that are looked at together: each is a round trip to another thread. */
const namesAtOnce = 64;

export class LocalSide implements SourceSide, TargetSide {
  readonly #calls: LocalCalls;

  constructor({ blocking }: Pick<TransferOptions, 'blocking'>) {
    this.#calls = new LocalCalls(blocking);
  }

  async stat(path: Buffer): Promise<Facts> {
    return attempt('stat', path, async () => factsOf(await fs.stat(pathForNode(path))));
  }

  async lstat(path: Buffer): Promise<Facts> {
    return attempt('stat', path, async () => factsOf(await fs.lstat(pathForNode(path))));
  }

  async realpath(path: Buffer): Promise<Buffer> {
    return attempt('realpath', path, async () => Buffer.from(await fs.realpath(pathForNode(path), 'buffer')));
  }

  async *list(path: Buffer): AsyncIterable<Entry> {
    const folder = await attempt('opendir', path, () =>
      fs.opendir(pathForNode(path) as string, { encoding: 'buffer' as BufferEncoding, bufferSize: 256 }),
    );
    let names: Buffer[] = [];
    for await (const { name } of folder) {
      names.push(name as unknown as Buffer);
      if (names.length < namesAtOnce) continue;
      yield* await this.#look(path, names);
      names = [];
    }
    yield* await this.#look(path, names);
  }

  async #look(folder: Buffer, names: readonly Buffer[]): Promise<Entry[]> {
    const found = await Promise.all(
      names.map(async (name) => {
        const stats = await this.#calls.lstat(joinPath(folder, name)).catch((error: unknown) => {
          // Gone since it was listed: as if it had never been.
          if (error instanceof SshError && error.code === 'no-such-file') return undefined;
          throw error;
        });
        return stats === undefined ? [] : [{ name, facts: factsOf(stats) }];
      }),
    );
    return found.flat();
  }

  async readLink(path: Buffer): Promise<Buffer> {
    return attempt('readlink', path, async () => Buffer.from(await fs.readlink(pathForNode(path), 'buffer')));
  }

  async open(path: Buffer, isFollowed: boolean): Promise<SourceFile>;
  async open(path: Buffer, options: OpenTarget): Promise<TargetFile>;
  async open(path: Buffer, how: boolean | OpenTarget): Promise<SourceFile | TargetFile> {
    return typeof how === 'boolean' ? this.#openSource(path, how) : this.#openTarget(path, how);
  }

  requireName(name: Buffer): void {
    requireLocalName(name);
  }

  foldName(name: Buffer): string {
    return foldLocalName(name);
  }

  async makeFolder(path: Buffer, mode: number | undefined, isNamed: boolean): Promise<boolean> {
    try {
      // Whatever its mode is to be, we have to write into it now.
      await fs.mkdir(pathForNode(path), ((mode ?? 0o777) & 0o777) | 0o700);
      return true;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw localError('mkdir', path, cause);
      // A link in place of a folder of the tree leads somewhere that nobody named.
      const { kind } = isNamed ? await this.stat(path) : await this.lstat(path);
      if (kind === 'directory') return false;
      const code = kind === 'symlink' ? 'ELOOP' : 'ENOTDIR';
      throw localError('mkdir', path, Object.assign(new Error(code), { code, syscall: 'mkdir' }));
    }
  }

  async setFacts(path: Buffer, { mode, times }: Pick<Facts, 'mode' | 'times'>): Promise<void> {
    const node = pathForNode(path);
    // Were it a link by now, its times would be set and not those of what it leads to.
    if (times !== undefined) {
      await attempt('utimes', path, () => fs.lutimes(node, times.accessed, times.modified));
    }
    if (mode !== undefined) await attempt('chmod', path, () => fs.chmod(node, mode & folderModeBits));
  }

  async makeLink(path: Buffer, target: Buffer): Promise<void> {
    await attempt('symlink', path, () => fs.symlink(pathForNode(target), pathForNode(path)));
  }

  async rename(from: Buffer, to: Buffer): Promise<void> {
    await attempt('rename', from, () => fs.rename(pathForNode(from), pathForNode(to)));
  }

  async remove(path: Buffer): Promise<void> {
    await attempt('remove', path, () => fs.unlink(pathForNode(path)));
  }

  async removeFolder(path: Buffer): Promise<void> {
    await attempt('rmdir', path, () => fs.rmdir(pathForNode(path)));
  }

  async ownDigest(): Promise<Digest | undefined> {
    return undefined;
  }

  async readDigest(path: Buffer, algorithm: string, bytes: number): Promise<Buffer> {
    const fd = await this.#calls.open(path, constants.O_RDONLY);
    try {
      const hash = startHash(algorithm as 'sha256');
      const memory = Buffer.allocUnsafe(readBytes);
      for (let at = 0; at < bytes; ) {
        const count = await this.#calls.read(fd, path, memory.subarray(0, Math.min(readBytes, bytes - at)), at);
        if (count === 0) break;
        hash.update(memory.subarray(0, count));
        at += count;
      }
      return hash.digest();
    } finally {
      await this.#calls.close(fd, path).catch(() => {});
    }
  }

  async #openSource(path: Buffer, isFollowed: boolean): Promise<SourceFile> {
    // Not to wait for a writer, should a pipe stand there by now.
    const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (isFollowed ? 0 : noFollow);
    return new LocalSourceFile(await this.#calls.open(path, flags), path, this.#calls);
  }

  async #openTarget(path: Buffer, options: OpenTarget): Promise<TargetFile> {
    if (!options.isNamed && noFollow === 0) await this.#requireNoLink(path);
    const flags =
      constants.O_WRONLY |
      constants.O_CREAT |
      (constants.O_NONBLOCK ?? 0) |
      (options.keep ? 0 : constants.O_TRUNC) |
      (options.isNamed ? 0 : noFollow);
    const mode = ((options.mode ?? 0o666) & 0o777) | 0o200;
    return new LocalTargetFile(await this.#calls.open(path, flags, mode), path, options, this.#calls);
  }

  async #requireNoLink(path: Buffer): Promise<void> {
    const there = await this.lstat(path).catch(() => undefined);
    if (there?.kind !== 'symlink') return;
    throw new SshError(`open local "${printable(path, 'one')}": is a link, and links are not followed here`, {
      code: 'operation-failed',
      stage: 'sftp',
    });
  }
}

class LocalSourceFile implements SourceFile {
  readonly #fd: number;
  readonly #path: Buffer;
  readonly #calls: LocalCalls;

  constructor(fd: number, path: Buffer, calls: LocalCalls) {
    this.#calls = calls;
    this.#fd = fd;
    this.#path = path;
  }

  read(start: number, size: number | undefined, memory: MemorySource | undefined): Reading {
    if (memory === undefined) {
      throw new SshError('local files are copied to a server', { code: 'misuse', stage: 'sftp' });
    }
    let position = start;
    let isStopped = false;
    return {
      next: async () => {
        if (isStopped) return undefined;
        // A byte more than it is said to have: at its end a file is read short, and the end is known without another call.
        const rest = size === undefined || size <= position ? unknownBytes : size - position + 1;
        const bytes = Math.min(memory.chunkBytes, rest);
        const part = await memory.take(bytes);
        try {
          const count = await this.#calls.read(this.#fd, this.#path, part.data, position);
          if (count === 0) {
            memory.give(part, bytes);
            return undefined;
          }
          const chunk: Chunk = {
            position,
            data: part.data.subarray(0, count),
            memory: part,
            release: () => memory.give(part, bytes),
          };
          position += count;
          if (count < bytes && size !== undefined && position >= size) isStopped = true;
          return chunk;
        } catch (error) {
          memory.give(part, bytes);
          throw error;
        }
      },
      stop: () => {
        isStopped = true;
      },
    };
  }

  close(): void {
    this.#calls.close(this.#fd, this.#path).catch(() => {});
  }
}

function factsOf(stats: { mode: number; size: number; atimeMs: number; mtimeMs: number }): Facts {
  const { mode, size, atimeMs, mtimeMs } = stats;
  const kind: FileType | undefined = fileType({ mode });
  return { kind, size, mode, times: { accessed: atimeMs / 1000, modified: mtimeMs / 1000 } };
}

async function attempt<T>(operation: string, path: Buffer, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw localError(operation, path, cause);
  }
}
