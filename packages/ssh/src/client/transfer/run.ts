/** A transfer under way: finds the files, and copies many of them at the same time. */
import { SshError, toSshError } from '../../errors.ts';
import { maxSftpFolderEntries, maxSftpTreeDepth } from '../../limits.ts';
import { joinPath, Places } from '../../sftp/index.ts';
import { printable } from '../../wire/index.ts';
import { type CopyContext, type CopyJob, FileCopy } from './file-copy.ts';
import { FileQueue } from './file-queue.ts';
import { Progress } from './progress.ts';
import type { Session } from './session.ts';
import type { Entry, Facts, SourceSide, TargetSide } from './side.ts';
import { Throttle } from './throttle.ts';
import type { TransferFailure, TransferOptions, TransferReport } from './types.ts';

/** What the caller named, and where it is to go. */
export interface Root {
  readonly source: Buffer;
  readonly target: Buffer;
  /** Or why nothing is known of it. */
  readonly facts: Facts | SshError;
  /** The target's last name is the caller's own word, and none of the source's. */
  readonly isNamed: boolean;
}

export interface RunInit {
  readonly source: SourceSide;
  readonly target: TargetSide;
  /** Sessions that may be lost on the way. */
  readonly sessions: readonly Session[];
  readonly options: TransferOptions;
  readonly now: () => number;
  /** Aborted when the transfer is to stop. */
  readonly controller: AbortController;
  /** The verb for errors: `get`, `put`, `copy`. */
  readonly verb: string;
  /** How many bytes the path holds. */
  readonly windowBytes: () => number;
  readonly maxFiles: number;
  /** Sessions that files take turns in. */
  readonly lanes: number;
}

interface FolderWork {
  readonly source: Buffer;
  readonly target: Buffer;
  readonly facts: Facts;
  readonly depth: number;
  readonly isNamed: boolean;
  /** Relative to what was named. */
  readonly path: Buffer;
  /** Real paths of the folders that links led to, on the way here. */
  readonly trail: readonly Buffer[];
}

const ownerRights = 0o700;
/** Folders that are listed at the same time. */
const mostListings = 8;
/** Small requests without data, under way at the same time. */
const mostSettings = 64;

export class Run {
  readonly #init: RunInit;
  readonly #context: CopyContext;
  readonly #progress: Progress;
  readonly #queue: FileQueue;
  readonly #listings = new Places(mostListings);
  readonly #settings = new Places(mostSettings);
  readonly #stops = new Set<(error: Error) => void>();
  readonly #failures: TransferFailure[] = [];
  readonly #folders: { readonly target: Buffer; readonly facts: Facts }[] = [];
  readonly #links: { readonly source: Buffer; readonly target: Buffer }[] = [];
  /** Links in the target are followed, whoever named them. */
  readonly #isTrusting: boolean;
  #folderCount = 0;
  #linkCount = 0;
  #skipped = 0;

  constructor(init: RunInit) {
    this.#init = init;
    this.#isTrusting = init.options.targetLinks === 'follow';
    const { options, now, controller, sessions } = init;
    this.#progress = new Progress(now, options.progressIntervalMs ?? 100, options.onEvent);
    this.#context = {
      source: init.source,
      target: init.target,
      options,
      progress: this.#progress,
      throttle: options.bytesPerSecond === undefined ? undefined : new Throttle(options.bytesPerSecond, now),
      signal: controller.signal,
      noteProgress: () => {
        for (const session of sessions) session.noteProgress();
      },
      onStop: (stop) => {
        this.#stops.add(stop);
        return () => void this.#stops.delete(stop);
      },
    };
    this.#queue = new FileQueue(init.maxFiles, init.windowBytes, init.lanes, (job) => this.#copyFile(job));
    controller.signal.addEventListener('abort', () => this.#stop(controller.signal.reason), { once: true });
  }

  async transfer(roots: readonly Root[]): Promise<TransferReport> {
    try {
      for (const root of roots) await this.#root(root);
      this.#progress.isListed = true;
      await this.#queue.drained();
      await this.#makeLinks();
      await this.#finishFolders();
    } catch (error) {
      // What is under way has to be closed before anybody is told.
      this.#init.controller.abort(error);
      await this.#queue.drained();
      throw this.#failures[0]?.error ?? error;
    }
    this.#init.controller.signal.throwIfAborted();
    return {
      files: this.#progress.files,
      folders: this.#folderCount,
      links: this.#linkCount,
      bytes: this.#progress.movedBytes,
      skipped: this.#skipped,
      failures: this.#failures,
      elapsedMs: this.#progress.elapsedMs,
    };
  }

  async #root({ source, target, facts, ...root }: Root): Promise<void> {
    const isNamed = root.isNamed || this.#isTrusting;
    if (facts instanceof SshError) return this.#fail(source, target, facts);
    const isOther = facts.kind !== undefined && facts.kind !== 'file' && facts.kind !== 'directory';
    if (isOther && this.#init.options.regularOnly) {
      const error = new SshError('is no regular file', { code: 'misuse', stage: 'sftp' });
      return this.#fail(source, target, error);
    }
    if (facts.kind !== 'directory') {
      await this.#queueFile({ source, target, facts, isFollowed: true, isNamed });
      return;
    }
    if (!this.#init.options.recursive) {
      await this.#fail(
        source,
        target,
        new SshError('is a folder', { code: 'misuse', stage: 'sftp', remedy: 'Ask for recursive.' }),
      );
      return;
    }
    await this.#folder({ source, target, facts, depth: 0, isNamed, path: Buffer.alloc(0), trail: [] });
  }

  /** Makes a folder, and goes through what it holds. A failure is that of the folder, and told. */
  async #folder(work: FolderWork): Promise<void> {
    const { source, target, facts, depth } = work;
    try {
      if (depth > maxSftpTreeDepth) {
        throw new SshError(`more than ${maxSftpTreeDepth} folders deep`, { code: 'limit-exceeded', stage: 'sftp' });
      }
      const isMade = await this.#again(() => this.#init.target.makeFolder(target, facts.mode, work.isNamed));
      this.#folderCount++;
      this.#progress.tell({ type: 'folder', source, target });
      const { preserve, folderModes } = this.#init.options;
      // Rights that the owner was given so that the folder can be filled.
      const isLent = isMade && facts.mode !== undefined && (facts.mode & ownerRights) !== ownerRights;
      if (preserve) this.#folders.push({ target, facts });
      else if (folderModes || isLent) this.#folders.push({ target, facts: { ...facts, times: undefined } });
      const below: FolderWork[] = [];
      const seen = new Set<string>();
      await this.#listings.hold(() =>
        this.#again(async () => {
          for await (const entry of this.#init.source.list(source)) await this.#entry(work, entry, seen, below);
        }),
      );
      await Promise.all(below.map((inside) => this.#folder(inside)));
    } catch (error) {
      await this.#fail(source, target, error);
    }
  }

  async #entry(work: FolderWork, { name, facts }: Entry, seen: Set<string>, below: FolderWork[]): Promise<void> {
    const { source: sourceSide, target: targetSide, options } = this.#init;
    const signal = this.#context.signal;
    signal.throwIfAborted();
    const source = joinPath(work.source, name);
    const path = work.path.length === 0 ? name : joinPath(work.path, name);
    const target = joinPath(work.target, name);
    try {
      targetSide.requireName(name);
    } catch (error) {
      await this.#fail(source, target, error);
      return;
    }
    // A listing that begins again after a lost connection tells the same names once more.
    const key = name.toString('latin1');
    if (seen.has(key)) return;
    seen.add(key);
    const folded = `/${targetSide.foldName(name)}`;
    if (seen.has(folded)) {
      const error = new SshError('another name of this folder is the same file here', {
        code: 'operation-failed',
        stage: 'sftp',
      });
      await this.#fail(source, target, error);
      return;
    }
    seen.add(folded);
    if (seen.size > 2 * maxSftpFolderEntries) {
      throw new SshError(`more than ${maxSftpFolderEntries} entries in a folder`, {
        code: 'limit-exceeded',
        stage: 'sftp',
      });
    }
    let known = facts;
    let trail = work.trail;
    // A server may leave out the type, and some tell that of what a link leads to.
    if (known.kind === undefined) known = await this.#again(() => sourceSide.lstat(source));
    if (options.select?.({ path, kind: known.kind }) === false) return;
    if (known.kind === 'symlink') {
      if (options.links === 'keep') {
        this.#links.push({ source, target });
        return;
      }
      if (options.links !== 'follow') return this.#skip(source, target, 'link');
      try {
        known = await this.#again(() => sourceSide.stat(source));
        if (known.kind === 'directory') {
          const real = await this.#again(() => sourceSide.realpath(source));
          if (trail.some((one) => one.equals(real))) {
            throw new SshError('this link leads back to a folder that holds it', {
              code: 'operation-failed',
              stage: 'sftp',
            });
          }
          trail = [...trail, real];
        }
      } catch (error) {
        await this.#fail(source, target, error);
        return;
      }
    }
    if (known.kind === 'directory') {
      below.push({ source, target, facts: known, depth: work.depth + 1, isNamed: this.#isTrusting, path, trail });
    } else if (known.kind !== 'file' && known.kind !== undefined) this.#skip(source, target, 'special');
    else {
      const isFollowed = options.links === 'follow';
      await this.#queueFile({ source, target, facts: known, isFollowed, isNamed: this.#isTrusting });
    }
  }

  async #queueFile(job: CopyJob): Promise<void> {
    this.#progress.found(job.facts.size);
    await this.#queue.push(job);
    this.#context.signal.throwIfAborted();
  }

  /** Never rejects: a failure stops the transfer, or stands in the report. */
  async #copyFile(job: CopyJob): Promise<void> {
    if (this.#context.signal.aborted) return;
    const copy = new FileCopy(this.#context, job);
    try {
      const skipped = await this.#again(() => copy.run());
      if (skipped !== undefined) this.#skip(job.source, job.target, skipped);
      else this.#progress.done(copy.file);
    } catch (error) {
      const bytes = copy.writtenEnd ?? 0;
      const partial = bytes > 0 ? { path: copy.path, bytes } : undefined;
      await this.#fail(job.source, job.target, error, partial).catch(() => {});
    }
  }

  #skip(source: Buffer, target: Buffer, reason: 'link' | 'special' | 'existing' | 'same'): void {
    this.#skipped++;
    this.#progress.tell({ type: 'skipped', source, target, reason });
  }

  /** Tries again after a lost connection, as often as there is another one. */
  async #again<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      const used = this.#init.sessions.map(({ client }) => client);
      try {
        return await work();
      } catch (error) {
        if (this.#context.signal.aborted) throw error;
        let isRenewed = false;
        for (const [index, session] of this.#init.sessions.entries()) {
          const client = used[index];
          if (client !== undefined && (await session.recover(error, client))) isRenewed = true;
        }
        if (!isRenewed) throw error;
      }
    }
  }

  /** Notes a failure; throws it where the transfer is not to go on. */
  async #fail(source: Buffer, target: Buffer, cause: unknown, partial?: TransferFailure['partial']): Promise<void> {
    const { signal } = this.#context;
    // What the end of the transfer brings down has not failed by itself.
    if (signal.aborted && cause === signal.reason) throw cause;
    const failure = { source, target, partial, error: this.#describe(source, cause, partial) };
    const isOver = signal.aborted;
    if (!isOver || partial !== undefined) {
      this.#failures.push(failure);
      this.#progress.tell({ type: 'failed', failure });
    }
    if (!isOver && this.#init.options.continueOnError && !this.#init.sessions.some(({ client }) => client.isEnded))
      return;
    if (!isOver) this.#init.controller.abort(failure.error);
    throw failure.error;
  }

  #describe(source: Buffer, cause: unknown, partial: TransferFailure['partial']): SshError {
    const error = toSshError(cause, { code: 'operation-failed', stage: 'sftp' });
    const { code, stage, side, remedy } = error;
    const where = `${this.#init.verb} "${printable(source, 'one')}"`;
    const rest =
      partial === undefined
        ? ''
        : `; ${partial.bytes} bytes are in "${printable(partial.path, 'one')}", and resume goes on there`;
    return new SshError(`${where}: ${error.message}${rest}`, {
      code,
      stage,
      side,
      cause,
      ...(remedy !== undefined && { remedy }),
    });
  }

  #stop(reason: unknown): void {
    const error = toSshError(reason, { code: 'aborted', stage: 'sftp' });
    for (const stop of this.#stops) stop(error);
    this.#queue.stop();
  }

  /** After everything else, so that nothing is ever written through one of them. */
  async #makeLinks(): Promise<void> {
    const { source: from, target: to } = this.#init;
    await this.#each(this.#links, async ({ source, target }) => {
      try {
        await this.#again(async () => to.makeLink(target, await from.readLink(source)));
        this.#linkCount++;
        this.#progress.tell({ type: 'link', source, target });
      } catch (error) {
        await this.#fail(source, target, error);
      }
    });
  }

  /** Inner ones before those that hold them: each change of theirs would set the times of the outer one anew. */
  async #finishFolders(): Promise<void> {
    await this.#each(this.#folders.reverse(), async ({ target, facts }) => {
      try {
        await this.#again(() => this.#init.target.finishFolder(target, facts));
      } catch (error) {
        await this.#fail(target, target, error);
      }
    });
  }

  async #each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const pending: Promise<void>[] = [];
    let failure: { readonly error: unknown } | undefined;
    for (const item of items) {
      await this.#settings.take();
      if (failure !== undefined) break;
      pending.push(
        work(item)
          .catch((error: unknown) => {
            failure ??= { error };
          })
          .finally(() => this.#settings.give()),
      );
    }
    await Promise.all(pending);
    if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
  }
}
