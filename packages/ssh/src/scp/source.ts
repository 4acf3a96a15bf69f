/** The sending side of scp: `scp -f` at the other end's request, or ours against its `scp -t`. */
import type { SshError } from '../errors.ts';
import type { ScpSourceFile, ScpSourceFiles, ScpSourceFolder, ScpSourceItem } from './files.ts';
import { announcedName, baseName, isPlainName, joinPath, shownPath } from './names.ts';
import { type ScpConversationOptions, type ScpSummary, Tally } from './options.ts';
import type { ScpPeer, ScpStatus } from './peer.ts';
import { formatEntry, formatTimes, leaveRecord } from './records.ts';
import { fileError, scpError } from './scp-error.ts';

/** What is read and written at once: larger pieces were no faster, smaller ones cost a system call each. */
const pieceBytes = 256 * 1024;

/**
 * Sends files and trees, and ends the stream's writing side.
 *
 * @returns when the sink has confirmed everything.
 * @throws SshError where the conversation broke; single files that failed are told to `onFailure` and counted.
 */
export async function runSource(
  peer: ScpPeer,
  paths: readonly Buffer[],
  files: ScpSourceFiles,
  options: ScpConversationOptions = {},
): Promise<ScpSummary> {
  const source = new Source(peer, files, options);
  try {
    // The sink speaks first: it is there, and its target is what it has to be.
    source.requireOk(await peer.readStatus());
    for (const path of paths) await source.send(path);
    await source.settle();
    peer.end();
    return source.tally.summary();
  } catch (error) {
    peer.fail(error as SshError);
    throw error;
  } finally {
    peer.release();
  }
}

class Source {
  readonly tally: Tally;
  readonly #peer: ScpPeer;
  readonly #files: ScpSourceFiles;
  readonly #options: ScpConversationOptions;
  /** Who waits for the statuses that are still to come, in order. */
  #owed: ((status: ScpStatus) => void)[] = [];
  /** Folders we are in, from the top. */
  readonly #above: (string | undefined)[] = [];

  constructor(peer: ScpPeer, files: ScpSourceFiles, options: ScpConversationOptions) {
    this.#peer = peer;
    this.#files = files;
    this.#options = options;
    this.tally = new Tally(options);
  }

  requireOk(status: ScpStatus): void {
    if (status.kind === 'error') throw scpError('operation-failed', status.text, { side: 'peer' });
  }

  /** Sends what a path leads to; a failure is told, to the sink too, and is no error. */
  async send(path: Buffer): Promise<void> {
    let item: ScpSourceItem;
    try {
      item = await this.#files.open(path);
    } catch (error) {
      await this.#report(fileError(shownPath(path), error));
      return;
    }
    try {
      const name = baseName(path);
      if (item.kind === 'folder' && this.#options.recursive) await this.#sendFolder(item, path, name);
      else if (item.kind === 'file') await this.#sendFile(item, path, name);
      else await this.#report(scpError('operation-failed', `${shownPath(path)}: not a regular file`));
    } finally {
      await item.close().catch(() => {});
    }
  }

  /** Reads the statuses that are owed to us. */
  async settle(): Promise<void> {
    for (let take = this.#owed.shift(); take !== undefined; take = this.#owed.shift()) {
      take(await this.#peer.readStatus());
    }
  }

  async #sendFolder(folder: ScpSourceFolder, path: Buffer, name: Uint8Array): Promise<void> {
    const shown = shownPath(path);
    // OpenSSH follows a link back to a folder above until the path is too long.
    if (folder.identity !== undefined && this.#above.includes(folder.identity)) {
      await this.#report(scpError('operation-failed', `${shown}: the link leads back to a folder it is in`));
      return;
    }
    if (!isPlainName(name)) {
      const remedy = 'Name the folder itself, such as ../folder in place of "." or "..".';
      await this.#report(scpError('operation-failed', `${shown}: scp cannot send a folder without a name`, { remedy }));
      return;
    }
    let names: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
    try {
      names = await folder.names();
    } catch (error) {
      await this.#report(fileError(shown, error));
      return;
    }
    if (!(await this.#announce(folder, formatEntry('folder', folder.mode, 0, announcedName(name)), shown))) return;
    this.#above.push(folder.identity);
    try {
      for await (const inner of names) await this.send(joinPath(path, inner));
    } finally {
      this.#above.pop();
    }
    this.#owed.push((status) => this.#note(status, shown));
    await this.#peer.write(leaveRecord);
  }

  async #sendFile(file: ScpSourceFile, path: Buffer, name: Uint8Array): Promise<void> {
    const shown = shownPath(path);
    const { size } = file;
    this.tally.begun++;
    if (!(await this.#announce(file, formatEntry('file', file.mode, size, announcedName(name)), shown))) return;
    this.tally.progress(shown, 0, size);
    const failure = await this.#sendData(file, shown);
    this.#owed.push((status) => {
      if (this.#note(status, shown) && failure === undefined) {
        this.tally.files++;
        this.tally.progress(shown, size, size);
      }
    });
    if (failure === undefined) await this.#peer.writeOk();
    else await this.#report(failure);
  }

  /**
   * Announces a file or a folder; false where the sink refuses.
   *
   * Each record is one line of its own until a file has passed: there are small devices whose sink takes whatever one read gives
   * for one record. After it a record need not wait for the answer to what came before, which saves two round trips a file.
   */
  async #announce(item: ScpSourceFile | ScpSourceFolder, entry: Buffer, shown: string): Promise<boolean> {
    const records = this.#options.preserve ? [formatTimes(item.times), entry] : [entry];
    let isAccepted = true;
    const take = (status: ScpStatus) => {
      isAccepted = this.#note(status, shown);
    };
    if (this.tally.files > 0) {
      this.#owed.push(...records.map(() => take));
      await this.#peer.write(Buffer.concat(records));
      await this.settle();
      return isAccepted;
    }
    await this.settle();
    for (const record of records) {
      if (!isAccepted) return false;
      this.#owed.push(take);
      await this.#peer.write(record);
      await this.settle();
    }
    return isAccepted;
  }

  /** Sends exactly as many bytes as were announced; a file that fails on the way is filled up with zeros, and told. */
  async #sendData(file: ScpSourceFile, shown: string): Promise<SshError | undefined> {
    const { rateLimit, signal } = this.#options;
    const largest = Math.min(pieceBytes, rateLimit?.pieceBytes ?? pieceBytes);
    const { size } = file;
    let failure: SshError | undefined;
    const read = async (sent: number): Promise<Uint8Array> => {
      const byteCount = Math.min(largest, size - sent);
      if (failure === undefined) {
        try {
          const piece = await file.read(byteCount);
          if (piece.length > 0) return piece;
          failure = scpError('operation-failed', `${shown}: the file became shorter while it was sent`);
        } catch (error) {
          failure = fileError(shown, error);
        }
      }
      return Buffer.alloc(byteCount);
    };
    let next = size > 0 ? read(0) : undefined;
    for (let sent = 0; next !== undefined; ) {
      const piece = await next;
      sent += piece.length;
      next = sent < size ? read(sent) : undefined;
      await rateLimit?.take(piece.length, signal);
      await this.#peer.write(piece);
      if (failure === undefined) this.tally.bytes += piece.length;
      this.tally.progress(shown, sent, size);
    }
    return failure;
  }

  /** Notes what the sink says of a record; true where it is content. */
  #note(status: ScpStatus, shown: string): boolean {
    if (status.kind === 'ok') return true;
    // The sink names its own path; ours says which file it was about where that one does not.
    const text = status.text === '' ? `${shown}: the other end refused it` : status.text;
    this.tally.fail(scpError('operation-failed', text, { side: 'peer' }));
    return false;
  }

  /** A failure of ours: the sink is told, and answers nothing. */
  async #report(failure: SshError): Promise<void> {
    this.tally.fail(failure);
    await this.#peer.writeError(failure.message);
  }
}
