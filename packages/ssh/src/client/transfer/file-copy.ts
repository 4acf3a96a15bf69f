/** One file of a transfer, from its decision where to begin to its comparison at the end. */
import { type RunningHash, startHash } from '../../crypto/running-hash.ts';
import { SshError } from '../../errors.ts';
import { printable } from '../../wire/index.ts';
import type { Progress } from './progress.ts';
import type { Facts, Side, SourceFile, SourceSide, TargetFile, TargetSide } from './side.ts';
import type { Throttle } from './throttle.ts';
import type { SkipReason, TransferFile, TransferOptions } from './types.ts';

/** Digests that a server may be asked for, the most wanted first; the old ones tell an accident from none as well. */
const digestAlgorithms = ['sha256', 'sha512', 'sha384', 'sha1', 'md5'] as const;

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
    const { source, target, facts } = job;
    this.file = { source, target, size: facts.size, bytes: 0 };
    const { partialSuffix } = context.options;
    this.path = partialSuffix === undefined ? target : Buffer.concat([target, Buffer.from(partialSuffix)]);
  }

  /** Copies; undefined when it was copied, or why it was not. */
  async run(): Promise<SkipReason | undefined> {
    const { options, source, target } = this.#context;
    const { existing = 'replace', resume } = options;
    if (this.writtenEnd === undefined) {
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
        isNamed: this.#job.isNamed && options.partialSuffix === undefined,
        isSparse: options.sparse ?? false,
        start,
      });
      await this.#move(from, to, start);
    } finally {
      from.close();
    }
    if (this.path !== this.#job.target) await target.rename(this.path, this.#job.target);
    if (options.verify) await this.#verify();
    return undefined;
  }

  /** How much of the file is there, if that may be gone on with. */
  async #there(): Promise<number | 'skip' | 'same' | undefined> {
    const { existing = 'replace', resume } = this.#context.options;
    const size = this.#facts.size;
    const whole = await factsIfThere(this.#context.target, this.#job.target);
    if (whole !== undefined && existing === 'skip') return 'skip';
    if (whole !== undefined && existing === 'refuse') throw this.#error('there is a file of that name already');
    if (resume === undefined) return undefined;
    if (whole?.size !== undefined && whole.size === size) {
      if (resume === 'length' || (await this.#isBeginning(this.#job.target, size))) return 'same';
    }
    const partial = this.path === this.#job.target ? whole : await factsIfThere(this.#context.target, this.path);
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
    this.#context.progress.undo(this.file, this.file.bytes - (isSame ? written : 0));
    if (!isSame) this.writtenEnd = 0;
    this.#facts = { ...this.#facts, size, times };
  }

  async #move(from: SourceFile, to: TargetFile, start: number): Promise<void> {
    const { progress, throttle, signal, options } = this.#context;
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
      const { mode, times } = this.#facts;
      await to.finish({
        // A file that was gone on with, that has shrunk meanwhile, or that was not emptied may be longer than what was written.
        size: start > 0 || options.inPlace ? end : undefined,
        mode: options.preserve ? mode : undefined,
        times: options.preserve ? times : undefined,
        flush: options.flush ?? false,
      });
      this.writtenEnd = end;
    } catch (error) {
      reading.stop();
      await to.abandon();
      this.writtenEnd = to.writtenEnd;
      throw error;
    } finally {
      forget();
      reading.stop();
    }
  }

  async #verify(): Promise<void> {
    const bytes = this.writtenEnd ?? 0;
    const running = this.#hash?.digest();
    this.#hash = undefined;
    if (await this.#isEqual(this.#job.target, bytes, running)) return;
    throw this.#error('what arrived is not what was sent: the hashes differ', {
      remedy: 'Transfer it again; if it happens again, look at the disks and at what else writes to the file.',
    });
  }

  #isBeginning(path: Buffer, bytes: number): Promise<boolean> {
    return this.#isEqual(path, bytes, undefined);
  }

  /** Compares so many bytes from the beginning on. Whoever can make a digest without moving the bytes is asked to. */
  async #isEqual(path: Buffer, bytes: number, running: Buffer | undefined): Promise<boolean> {
    const { source, target } = this.#context;
    const fromSource = await source.ownDigest(this.#job.source, digestAlgorithms, bytes);
    const wanted = fromSource === undefined ? digestAlgorithms : [fromSource.algorithm];
    const fromTarget = await target.ownDigest(path, wanted, bytes);
    const algorithm = fromSource?.algorithm ?? fromTarget?.algorithm ?? 'sha256';
    const read = (side: Side, file: Buffer) => side.readDigest(file, algorithm, bytes);
    const known = algorithm === 'sha256' ? running : undefined;
    const expected = fromSource?.digest ?? known ?? (await read(source, this.#job.source));
    const actual = fromTarget?.digest ?? (await read(target, path));
    return expected.equals(actual);
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
