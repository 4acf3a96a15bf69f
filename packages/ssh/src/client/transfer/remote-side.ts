/** Files of a server as one end of a transfer. */
import { startHash } from '../../crypto/running-hash.ts';
import { SshError } from '../../errors.ts';
import type { Budget, SftpClient, SftpFile } from '../../sftp/index.ts';
import { attributesOf, factsOf } from './remote-attributes.ts';
import { RemoteTargetFile } from './remote-target-file.ts';
import type { Session } from './session.ts';
import {
  type Digest,
  type Entry,
  type Facts,
  folderModeBits,
  type OpenTarget,
  type Reading,
  type SourceFile,
  type SourceSide,
  type TargetFile,
  type TargetSide,
} from './side.ts';

export class RemoteSide implements SourceSide, TargetSide {
  readonly #first: Session;
  readonly #sessions: readonly Session[];
  readonly #budget: Budget;
  readonly #signal: AbortSignal;

  #turn = 0;

  /** @param sessions - of one server: files take turns in them, everything else goes through the first. */
  constructor(sessions: readonly [Session, ...Session[]], budget: Budget, signal: AbortSignal) {
    this.#first = sessions[0];
    this.#sessions = sessions;
    this.#budget = budget;
    this.#signal = signal;
  }

  async stat(path: Buffer): Promise<Facts> {
    return factsOf(await this.#sftp.stat(path, this.#options));
  }

  async lstat(path: Buffer): Promise<Facts> {
    return factsOf(await this.#sftp.lstat(path, this.#options));
  }

  async realpath(path: Buffer): Promise<Buffer> {
    return (await this.#sftp.realpath(path, this.#options)).bytes;
  }

  async *list(path: Buffer): AsyncIterable<Entry> {
    for await (const { bytes, attributes } of this.#sftp.readdir(path, this.#options)) {
      yield { name: Buffer.from(bytes), facts: factsOf(attributes) };
    }
  }

  async readLink(path: Buffer): Promise<Buffer> {
    return (await this.#sftp.readlink(path, this.#options)).bytes;
  }

  async open(path: Buffer, isFollowed: boolean): Promise<SourceFile>;
  async open(path: Buffer, options: OpenTarget): Promise<TargetFile>;
  async open(path: Buffer, how: boolean | OpenTarget): Promise<SourceFile | TargetFile> {
    if (typeof how === 'boolean') {
      return new RemoteSourceFile(await this.#next.open(path, { read: true }, this.#options), this.#budget);
    }
    const mode = { write: true, create: true, truncate: !how.keep };
    const attributes = how.mode === undefined ? {} : { mode: how.mode & 0o777 };
    const client = this.#next;
    const file = await client.open(path, mode, { ...this.#options, attributes });
    return new RemoteTargetFile(client, file, this.#budget, how);
  }

  requireName(name: Buffer): void {
    // Whatever a listing may hold besides is a name like any other there.
    if (name.length > 0 && !name.includes(0x2f) && !name.includes(0)) return;
    throw new SshError('a name that is none inside a folder', { code: 'bad-message', stage: 'sftp', side: 'peer' });
  }

  foldName(name: Buffer): string {
    return name.toString('latin1');
  }

  async makeFolder(path: Buffer, mode: number | undefined, isNamed: boolean): Promise<boolean> {
    try {
      await this.#sftp.mkdir(path, mode === undefined ? {} : { mode: (mode & 0o777) | 0o700 }, this.#options);
      return true;
    } catch (error) {
      if (!(error instanceof SshError) || error.side !== 'peer' || error.code === 'closed') throw error;
      // Servers say "failure" of a folder that is there; so they do of a file in its place.
      const look = isNamed ? this.stat(path) : this.lstat(path);
      const there = await look.catch(() => undefined);
      if (there?.kind !== 'directory') throw error;
      return false;
    }
  }

  async setFacts(path: Buffer, facts: Pick<Facts, 'mode' | 'times'>): Promise<void> {
    await this.#sftp.setStat(path, attributesOf(facts, folderModeBits), this.#options);
  }

  async makeLink(path: Buffer, target: Buffer): Promise<void> {
    await this.#sftp.symlink(target, path, this.#options);
  }

  async rename(from: Buffer, to: Buffer): Promise<void> {
    await this.#sftp.fs.rename(from, to, this.#options);
  }

  async remove(path: Buffer): Promise<void> {
    await this.#sftp.remove(path, this.#options);
  }

  async removeFolder(path: Buffer): Promise<void> {
    await this.#sftp.rmdir(path, this.#options);
  }

  async ownDigest(path: Buffer, algorithms: readonly string[], bytes: number): Promise<Digest | undefined> {
    const { extensions } = this.#sftp;
    // Length 0 would mean all of it.
    if (bytes === 0 || !(extensions.has('check-file') || extensions.has('check-file-handle'))) return undefined;
    const file = await this.#sftp.open(path, { read: true }, this.#options);
    try {
      const { algorithm, digest } = await file.digest(algorithms, { length: bytes }, this.#options);
      return algorithms.includes(algorithm) ? { algorithm, digest: Buffer.from(digest) } : undefined;
    } catch (error) {
      if (error instanceof SshError && ['unsupported', 'operation-failed'].includes(error.code)) return undefined;
      throw error;
    } finally {
      file.close().catch(() => {});
    }
  }

  async readDigest(path: Buffer, algorithm: string, bytes: number): Promise<Buffer> {
    const file = await this.#sftp.open(path, { read: true }, this.#options);
    const reader = file.reader({ end: bytes, expectedEnd: bytes });
    const onAbort = () => reader.stop(this.#signal.reason);
    this.#signal.addEventListener('abort', onAbort, { once: true });
    try {
      const hash = startHash(algorithm as 'sha256');
      for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
        hash.update(chunk.data);
        chunk.release();
      }
      return hash.digest();
    } finally {
      this.#signal.removeEventListener('abort', onAbort);
      reader.stop();
      file.close().catch(() => {});
    }
  }

  get #sftp(): SftpClient {
    return this.#first.client;
  }

  /** The session of the next file. */
  get #next(): SftpClient {
    return (this.#sessions[this.#turn++ % this.#sessions.length] ?? this.#first).client;
  }

  get #options() {
    return { signal: this.#signal };
  }
}

class RemoteSourceFile implements SourceFile {
  readonly #file: SftpFile;
  readonly #budget: Budget;

  constructor(file: SftpFile, budget: Budget) {
    this.#file = file;
    this.#budget = budget;
  }

  read(start: number, size: number | undefined): Reading {
    // What says that it is empty may be a file of /proc: read until it ends, one request after the other.
    const isSure = size !== undefined && size > start;
    return this.#file.reader({
      start,
      budget: this.#budget,
      expectedEnd: size ?? 0,
      ...(isSure && { end: size }),
    });
  }

  close(): void {
    this.#file.close().catch(() => {});
  }
}
