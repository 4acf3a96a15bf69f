/** The receiving side of scp: `scp -t` at the other end's request, or ours against its `scp -f`. */
import type { SshError } from '../errors.ts';
import { maxScpDepth } from '../limits.ts';
import type { ScpSinkFile, ScpSinkFiles } from './files.ts';
import type { RequestedNames } from './name-patterns.ts';
import { isPlainName, joinPath, shownPath } from './names.ts';
import { type ScpConversationOptions, type ScpSummary, Tally } from './options.ts';
import { gaveUp, noScp, type ScpPeer } from './peer.ts';
import { parseRecord, type ScpRecord, type ScpTimes } from './records.ts';
import { badScp, fileError, scpError } from './scp-error.ts';

/** What is taken from the stream for one write to the file. */
const pieceBytes = 1024 * 1024;
const ownerWrite = 0o200;
const ownerAll = 0o700;

export interface ScpSinkOptions extends ScpConversationOptions {
  /** The target has to be a folder that is there (`-d`). */
  readonly targetIsFolder?: boolean | undefined;
  /**
   * What was asked for. With it the source may send these names and no others at the top, may not write a second time where the
   * target is a single file, and gets nowhere by links inside the folders it sends. Without it (`-T`, or a source that decides
   * by itself what it sends) only what no name may be is refused.
   */
  readonly names?: RequestedNames | undefined;
  /** Taken from the modes of new files where modes are not preserved, beside what the system's own umask takes. */
  readonly umask?: number | undefined;
}

/**
 * Receives files and trees until the source ends.
 *
 * @param target - a folder, or the name of the one file or folder that comes.
 * @throws SshError where the conversation broke, or the source sent what it may not; single files that failed are told to
 *   `onFailure` and counted.
 */
export async function runSink(
  peer: ScpPeer,
  target: Buffer,
  files: ScpSinkFiles,
  options: ScpSinkOptions = {},
): Promise<ScpSummary> {
  const sink = new Sink(peer, files, options);
  try {
    await sink.receive(target);
    return sink.tally.summary();
  } catch (error) {
    const failure = error as SshError;
    // The source learns why; a broken stream takes no more words.
    if (failure.code !== 'aborted' && failure.code !== 'connection-lost') {
      const words = failure.code === 'protocol-error' ? `protocol error: ${failure.message}` : failure.message;
      await peer.writeError(words, 2).catch(() => {});
    }
    peer.fail(failure);
    throw failure;
  } finally {
    peer.release();
  }
}

/** A folder that entries come into, or the one path they are written to. */
interface Place {
  readonly path: Buffer;
  readonly isFolder: boolean;
  /** How many folders of the source's we are in. */
  readonly depth: number;
  /** Where nothing may lead out of: the source's topmost folder, without links. */
  readonly root: Buffer | undefined;
}

type Entry = Extract<ScpRecord, { kind: 'file' | 'folder' }>;

class Sink {
  readonly tally: Tally;
  readonly #peer: ScpPeer;
  readonly #files: ScpSinkFiles;
  readonly #options: ScpSinkOptions;
  readonly #modeMask: number;

  constructor(peer: ScpPeer, files: ScpSinkFiles, options: ScpSinkOptions) {
    this.#peer = peer;
    this.#files = files;
    this.#options = options;
    this.tally = new Tally(options);
    // CVE-2026-35385: a source must not make us a setuid program where nobody asked for modes.
    this.#modeMask = options.preserve ? 0o7777 : 0o777 & ~(options.umask ?? 0);
  }

  async receive(target: Buffer): Promise<void> {
    const found = await this.#files.look(target).catch((error: unknown) => {
      throw fileError(shownPath(target), error);
    });
    if (this.#options.targetIsFolder && found !== 'folder') {
      const reason = found === undefined ? 'No such file or directory' : 'Not a directory';
      throw scpError(found === undefined ? 'no-such-file' : 'operation-failed', `${shownPath(target)}: ${reason}`);
    }
    await this.#peer.writeOk();
    await this.#receiveInto({ path: target, isFolder: found === 'folder', depth: 0, root: undefined });
  }

  /** Takes entries until the source leaves the folder; at the top, until it ends. */
  async #receiveInto(place: Place): Promise<void> {
    let times: ScpTimes | undefined;
    let entries = 0;
    for (let isFirst = true; ; isFirst = false) {
      const record = await this.#readRecord(place);
      if (record === undefined) return;
      switch (record.kind) {
        case 'leave':
          if (place.depth === 0) throw badScp('the source leaves a folder that it did not enter');
          await this.#peer.writeOk();
          return;
        case 'times':
          times = record.times;
          await this.#peer.writeOk();
          break;
        case 'error':
          if (record.isFatal) throw gaveUp(record.line);
          // Told by the source, which goes on with the next and waits for no answer.
          this.tally.fail(scpError('operation-failed', sourceText(record.line), { side: 'peer' }));
          break;
        case 'unknown':
          if (isFirst && place.depth === 0) throw noScp(record.line);
          throw badScp(`a record of scp was expected, but "${shownPath(record.line)}" came`);
        case 'file':
        case 'folder': {
          this.#requireAllowed(record, place, entries++);
          const entryTimes = this.#options.preserve ? times : undefined;
          times = undefined;
          const path = place.isFolder ? joinPath(place.path, record.name) : place.path;
          if (record.kind === 'file') await this.#receiveFile(record, path, place, entryTimes);
          else await this.#receiveFolder(record, path, place, entryTimes);
        }
      }
    }
  }

  async #readRecord({ depth }: Place): Promise<ScpRecord | undefined> {
    const line = await this.#peer.readLine();
    if (line !== undefined) return parseRecord(line);
    if (depth === 0) return undefined;
    throw scpError('connection-lost', 'the source stopped in the middle of a folder', { side: 'peer' });
  }

  /** What the source may send here. Nothing of it was written yet. */
  #requireAllowed({ kind, name }: Entry, place: Place, before: number): void {
    const shown = shownPath(name);
    if (!isPlainName(name)) throw badScp(`the source sent "${shown}", which is no name of a file`);
    if (kind === 'folder' && !this.#options.recursive) {
      throw badScp(`the source sent the folder "${shown}", and folders were not asked for`);
    }
    if (place.depth >= maxScpDepth) {
      throw badScp(`the source sent folders in folders, ${maxScpDepth} deep`, { code: 'limit-exceeded' });
    }
    const { names } = this.#options;
    if (names === undefined || place.depth > 0) return;
    if (!names.has(name)) {
      throw badScp(`the source sent "${shown}", which was not asked for`, {
        remedy: 'If the path is one that only the shell over there understands, -T takes whatever names it sends.',
      });
    }
    if (!place.isFolder && before > 0) {
      throw badScp(`the source sent a second file, "${shown}", and there is one target`, {
        remedy: 'Name a folder as the target.',
      });
    }
  }

  async #receiveFolder({ mode }: Entry, path: Buffer, outer: Place, times: ScpTimes | undefined): Promise<void> {
    const shown = shownPath(path);
    const wanted = mode & this.#modeMask;
    let wasMade = false;
    let root: Buffer | undefined;
    try {
      await this.#requireInside(path, outer);
      const found = await this.#files.look(path);
      if (found === undefined) {
        // A folder without permission to write has to take its files first; its own mode comes after them.
        await this.#files.makeFolder(path, wanted | ownerAll);
        wasMade = true;
      } else if (found !== 'folder') throw scpError('operation-failed', 'Not a directory');
      root = outer.root ?? (this.#options.names && (await this.#files.realPath(path)));
    } catch (error) {
      await this.#refuse(fileError(shown, error));
      return;
    }
    await this.#peer.writeOk();
    await this.#receiveInto({ path, isFolder: true, depth: outer.depth + 1, root });
    // The source has its answer already, so these failures are ours alone.
    const finish = async (action: Promise<void>, what: string) => {
      await action.catch((error: unknown) => this.tally.fail(fileError(`${shown}: ${what}`, error)));
    };
    if (times !== undefined) await finish(this.#files.setTimes(path, times), 'set times');
    if (this.#options.preserve) await finish(this.#files.setMode(path, wanted), 'set mode');
    else if (wasMade && (wanted & ownerAll) !== ownerAll) {
      // Less the owner's bits that were added; what the umask took stays taken.
      const left = this.#files.getMode(path).then((made) => this.#files.setMode(path, made & wanted));
      await finish(left, 'set mode');
    }
  }

  async #receiveFile(
    { mode, size }: Extract<Entry, { kind: 'file' }>,
    path: Buffer,
    place: Place,
    times: ScpTimes | undefined,
  ): Promise<void> {
    const shown = shownPath(path);
    const wanted = mode & this.#modeMask;
    let file: ScpSinkFile;
    let before: 'file' | 'folder' | 'other' | undefined;
    try {
      await this.#requireInside(path, place);
      before = await this.#files.look(path);
      // Who may not write the file later has to write it now.
      file = await this.#files.create(path, wanted | ownerWrite);
    } catch (error) {
      await this.#refuse(fileError(shown, error));
      return;
    }
    let failure: SshError | undefined;
    const attempt = async (what: string, action: () => Promise<void>): Promise<void> => {
      await action().catch((error: unknown) => {
        failure ??= fileError(`${shown}${what}`, error);
      });
    };
    try {
      this.tally.begun++;
      await this.#peer.writeOk();
      failure = await this.#receiveData(file, size, shown);
      if (failure === undefined && before !== 'other') await attempt(': truncate', () => file.truncate(size));
      if (this.#options.preserve) await attempt(': set mode', () => file.setMode(wanted));
      else if (before === undefined && (wanted & ownerWrite) === 0) {
        await attempt(': set mode', async () => file.setMode((await file.getMode()) & wanted));
      }
      const status = await this.#peer.readStatus();
      // A file that its source could not read to the end must not pass for the one that bears this time.
      if (status.kind === 'error') this.tally.fail(scpError('operation-failed', status.text, { side: 'peer' }));
      else if (failure === undefined && times !== undefined) await attempt(': set times', () => file.setTimes(times));
      await attempt(': close', () => file.close());
      if (failure !== undefined) {
        await this.#refuse(failure);
        return;
      }
      if (status.kind === 'ok') {
        this.tally.files++;
        this.tally.progress(shown, size, size);
      }
      await this.#peer.writeOk();
    } catch (error) {
      await file.close().catch(() => {});
      const { message, code } = error as SshError;
      if (code !== 'connection-lost' && code !== 'aborted') throw error;
      throw scpError(code, `${shown}: ${message}`, { side: 'peer', cause: error });
    }
  }

  /** Takes exactly as many bytes as were announced, also where they cannot be written: the next record is behind them. */
  async #receiveData(file: ScpSinkFile, size: number, shown: string): Promise<SshError | undefined> {
    const { rateLimit, signal } = this.#options;
    const largest = Math.min(pieceBytes, rateLimit?.pieceBytes ?? pieceBytes);
    let failure: SshError | undefined;
    let writing: Promise<void> | undefined;
    this.tally.progress(shown, 0, size);
    try {
      for (let left = size; left > 0; ) {
        const chunks = await this.#peer.readData(Math.min(left, largest));
        let byteCount = 0;
        for (const chunk of chunks) byteCount += chunk.length;
        left -= byteCount;
        await rateLimit?.take(byteCount, signal);
        // One piece is written while the next one comes.
        await writing;
        if (failure === undefined) {
          writing = file.write(chunks).then(
            () => {
              this.tally.bytes += byteCount;
            },
            (error: unknown) => {
              failure ??= fileError(`${shown}: at byte ${size - left - byteCount} or behind it`, error);
            },
          );
        }
        this.tally.progress(shown, size - left, size);
      }
    } finally {
      await writing;
    }
    return failure;
  }

  /** A link inside a folder of the source's that leads out of it: whoever sends the folder would choose what is written. */
  async #requireInside(path: Buffer, { root }: Place): Promise<void> {
    if (root === undefined) return;
    const leadsTo = await this.#files.followLink(path);
    if (leadsTo === undefined || isInside(root, leadsTo)) return;
    throw scpError('permission-denied', `the link leads out of the folder, to ${shownPath(leadsTo)}`, {
      remedy: 'Remove the link, or use -T where the other end is trusted with what it leads to.',
    });
  }

  async #refuse(failure: SshError): Promise<void> {
    this.tally.fail(failure);
    await this.#peer.writeError(failure.message);
  }
}

function isInside(root: Buffer, path: Buffer): boolean {
  const prefix = root.at(-1) === 0x2f ? root : Buffer.concat([root, Buffer.of(0x2f)]);
  return path.equals(root) || path.subarray(0, prefix.length).equals(prefix);
}

function sourceText(line: Buffer): string {
  return shownPath(line.subarray(1)).replace(/^scp: /, '');
}
