/** One file of a transfer, from its decision where to begin to its comparison at the end. */
import { type RunningHash, startHash } from '../../crypto/running-hash.ts';
import { SshError } from '../../errors.ts';
import { printable } from '../../wire/index.ts';
import { hasSameBytes } from './compare.ts';
import { partialPath } from './partial-name.ts';
import type { Progress } from './progress.ts';
import type { Facts, Side, SourceFile, SourceSide, TargetFile, TargetSide } from './side.ts';
import type { Throttle } from './throttle.ts';
import type { SkipReason, TransferFile, TransferOptions } from './types.ts';

/** Files of the kernel's say that they have a page, and have less: so much of a file may be missing in good order. */
const pseudoFileBytes = 64 * 1024;

/** What all files of a transfer share. */
export interface CopyContext {
  readonly source: SourceSide;
  readonly target: TargetSide;
  readonly options: TransferOptions;
  readonly progress: Progress;
  readonly throttle: Throttle | undefined;
  readonly signal: AbortSignal;
  /** Bytes moved: the sessions work. */
  noteProgress(): void;
  /** Has a file's stop called when the transfer is; returns what takes that back. */
  onStop(stop: (error: Error) => void): () => void;
}

export interface CopyJob {
  readonly source: Buffer;
  readonly target: Buffer;
  readonly facts: Facts;
  /** The source's name, the target's: a link there is the caller's own word. */
  readonly isFollowed: boolean;
  readonly isNamed: boolean;
  /** What a sync has found out about the target before. */
  readonly sync?: SyncFacts | undefined;
}

/** What stands at the target, where somebody has looked already. */
export interface SyncFacts {
  /** Undefined: nothing does. */
  readonly there: Facts | undefined;
  /** Both are as long: copied only if a hash tells them apart. */
  readonly compareByHash: boolean;
  /** Written in its place at once: what is not whole is known by its size, and costs little to write again. */
  readonly isDirect: boolean;
  /** Whether there is a partial file of an earlier sync. */
  readonly hasPartial: boolean;
}

/** A copy that may be tried again after a lost connection: what it knows of the last try. */
export class FileCopy {
  readonly file: TransferFile;
  readonly #job: CopyJob;
  readonly #context: CopyContext;
  /** Where the bytes are written: the target, or beside it. */
  readonly path: Buffer;
  /** All before it is written for certain. Undefined before the first try. */
  writtenEnd: number | undefined;
  #hash: RunningHash | undefined;
  #facts: Facts;

  constructor(context: CopyContext, job: CopyJob) {
    this.#context = context;
    this.#job = job;
    this.#facts = job.facts;
    const { source, target, facts, sync } = job;
    this.file = { source, target, size: facts.size, bytes: 0 };
    const { partialSuffix } = context.options;
    this.path = partialSuffix === undefined || sync?.isDirect ? target : partialPath(target, partialSuffix);
  }

  /** Copies; undefined when it was copied, or why it was not. */
  async run(): Promise<SkipReason | undefined> {
    const { options, source, target } = this.#context;
    const { existing = 'replace', resume } = options;
    if (this.writtenEnd === undefined) {
      if (await this.isSame()) return 'same';
      const found = existing !== 'replace' || resume !== undefined ? await this.#there() : undefined;
      if (found === 'skip') return 'existing';
      if (found === 'same') return 'same';
      this.#begin(found ?? 0);
    } else await this.#refresh();
    const start = this.writtenEnd ?? 0;
    const from = await source.open(this.#job.source, this.#job.isFollowed);
    try {
      const to = await target.open(this.path, {
        mode: this.#facts.mode,
        keep: start > 0 || (options.inPlace ?? false),
        isNamed: this.#job.isNamed && this.path === this.#job.target,
        isSparse: options.sparse ?? false,
        start,
      });
      await this.#move(from, to, start);
    } finally {
      from.close();
    }
    // What is not as it should be does not take the place of what is there.
    if (options.verify) await this.#verify();
    if (this.path !== this.#job.target) await target.rename(this.path, this.#job.target);
    return undefined;
  }

  /** Whether a sync, which has found a file of the same length, has nothing to do: found out by hash. */
  async isSame(): Promise<boolean> {
    const { size } = this.#facts;
    if (!this.#job.sync?.compareByHash || size === undefined) return false;
    return this.#isEqual(this.#job.target, size, undefined);
  }

  /** How much of the file is there, if that may be gone on with. */
  async #there(): Promise<number | 'skip' | 'same' | undefined> {
    const { existing = 'replace', resume } = this.#context.options;
    const size = this.#facts.size;
    if (this.#job.sync !== undefined) return this.#job.sync.hasPartial ? this.#partial() : undefined;
    const whole = await factsIfThere(this.#context.target, this.#job.target);
    if (whole !== undefined && existing === 'skip') return 'skip';
    if (whole !== undefined && existing === 'refuse') throw this.#error('there is a file of that name already');
    if (resume === undefined) return undefined;
    if (whole?.size !== undefined && whole.size === size) {
      if (resume === 'length' || (await this.#isBeginning(this.#job.target, size))) return 'same';
      if (this.path === this.#job.target) return undefined;
    }
    return this.#partial(this.path === this.#job.target ? whole : undefined);
  }

  /** How much of the file was written before, if that is its beginning. */
  async #partial(known?: Facts): Promise<number | undefined> {
    const { resume } = this.#context.options;
    const size = this.#facts.size;
    const partial = known ?? (await factsIfThere(this.#context.target, this.path));
    if (partial?.size === undefined || partial.size === 0) return undefined;
    if (size !== undefined && partial.size > size) {
      if (resume === 'hash') return undefined;
      throw this.#error(`what is there (${partial.size} bytes) is longer than the source (${size} bytes)`, {
        remedy: 'It is no beginning of this file. Transfer it without resume, or remove it first.',
      });
    }
    if (resume === 'hash' && !(await this.#isBeginning(this.path, partial.size))) return undefined;
    return partial.size;
  }

  #begin(start: number): void {
    this.writtenEnd = start;
    this.#context.progress.resumed(this.file, start);
    this.#context.progress.tell({ type: 'start', file: this.file });
    if (this.#context.options.verify && start === 0) this.#hash = startHash('sha256');
  }

  /** Another try: the source may have changed meanwhile, and a mixture of two files is none. */
  async #refresh(): Promise<void> {
    const { size, times } = await this.#context.source.stat(this.#job.source);
    this.#hash = undefined;
    const isSame = size === this.#facts.size && times?.modified === this.#facts.times?.modified;
    const written = this.writtenEnd ?? 0;
    // What was written may be gone: renamed already, when only the answer to that was lost.
    const there = isSame && written > 0 ? await factsIfThere(this.#context.target, this.path) : undefined;
    const isGood = (there?.size ?? 0) >= written && isSame;
    this.#context.progress.undo(this.file, this.file.bytes - (isGood ? written : 0));
    if (!isGood) this.writtenEnd = 0;
    this.#facts = { ...this.#facts, size, times };
  }

  async #move(from: SourceFile, to: TargetFile, start: number): Promise<void> {
    const { options } = this.#context;
    try {
      let end = await this.#pump(from, to, start);
      if (await this.#isLongerThan(end)) {
        // It may have been mistaken about the end once: what is left is asked for again.
        const again = await this.#pump(from, to, end);
        if (again === end && end + pseudoFileBytes < (this.#facts.size ?? 0)) throw this.#endedEarly(end);
        end = again;
      }
      const { mode, times } = this.#facts;
      await to.finish({
        // A file that was gone on with, that has shrunk meanwhile, or that was not emptied may be longer than what was written.
        size: start > 0 || options.inPlace ? end : undefined,
        mode: options.preserve && options.preserve !== 'times' ? mode : undefined,
        times: options.preserve && options.preserve !== 'modes' ? times : undefined,
        flush: options.flush ?? false,
      });
      this.writtenEnd = end;
    } catch (error) {
      await to.abandon();
      this.writtenEnd = to.writtenEnd;
      throw error;
    }
  }

  /** Moves all that there is from a position on. @returns where it ended. */
  async #pump(from: SourceFile, to: TargetFile, start: number): Promise<number> {
    const { progress, throttle, signal } = this.#context;
    const reading = from.read(start, this.#facts.size, to.memory);
    const forget = this.#context.onStop((error) => {
      reading.stop(error);
      to.stop(error);
    });
    let end = start;
    try {
      signal.throwIfAborted();
      for (let chunk = await reading.next(); chunk !== undefined; chunk = await reading.next()) {
        const { length } = chunk.data;
        this.#hash?.update(chunk.data);
        end += length;
        to.write(chunk);
        progress.moved(this.file, length);
        this.#context.noteProgress();
        if (throttle !== undefined) await throttle.pass(length, signal);
      }
      signal.throwIfAborted();
      return end;
    } finally {
      forget();
      reading.stop();
    }
  }

  /** Whether the source still says that it has more than came; one that shrank meanwhile does not. */
  async #isLongerThan(end: number): Promise<boolean> {
    const { size } = this.#facts;
    if (size === undefined || end >= size) return false;
    const now = await factsIfThere(this.#context.source, this.#job.source);
    return now?.size !== undefined && now.size > end;
  }

  #endedEarly(end: number): SshError {
    const { size } = this.#facts;
    return new SshError(`the file is said to have ${size} bytes, and to end after ${end}`, {
      code: 'operation-failed',
      stage: 'sftp',
    });
  }

  async #verify(): Promise<void> {
    const bytes = this.writtenEnd ?? 0;
    const running = this.#hash?.digest();
    this.#hash = undefined;
    if (await this.#isEqual(this.path, bytes, running)) return;
    throw this.#error('what arrived is not what was sent: the hashes differ', {
      remedy: 'Transfer it again; if it happens again, look at the disks and at what else writes to the file.',
    });
  }

  #isBeginning(path: Buffer, bytes: number): Promise<boolean> {
    return this.#isEqual(path, bytes, undefined);
  }

  #isEqual(path: Buffer, bytes: number, running: Buffer | undefined): Promise<boolean> {
    const { source, target } = this.#context;
    return hasSameBytes({ side: source, path: this.#job.source }, { side: target, path }, bytes, running);
  }

  #error(text: string, init: { readonly remedy?: string } = {}): SshError {
    return new SshError(`"${printable(this.#job.target, 'one')}": ${text}`, {
      code: 'operation-failed',
      stage: 'sftp',
      ...init,
    });
  }
}

async function factsIfThere(side: Side, path: Buffer): Promise<Facts | undefined> {
  try {
    return await side.stat(path);
  } catch (error) {
    if (error instanceof SshError && error.code === 'no-such-file') return undefined;
    throw error;
  }
}
