/** A transfer under way: finds the files, and copies many of them at the same time. */
import { SshError, toSshError } from '../../errors.ts';
import { maxSftpTreeDepth } from '../../limits.ts';
import { joinPath, Places } from '../../sftp/index.ts';
import { eachWithin } from './each-within.ts';
import { describeFailure } from './failure.ts';
import { type CopyContext, type CopyJob, FileCopy } from './file-copy.ts';
import { FileQueue } from './file-queue.ts';
import { FolderNames } from './folder-names.ts';
import { followLink } from './follow-link.ts';
import { keepLink } from './keep-link.ts';
import { Progress } from './progress.ts';
import type { Session } from './session.ts';
import type { Entry, Facts, SourceSide, TargetSide } from './side.ts';
import type { EntryPlace, FolderSurvey, Survey, SurveyTools } from './survey.ts';
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
  readonly maxFiles: () => number;
  /** Sessions that files take turns in. */
  readonly lanes: number;
  /** Makes what looks at the target, where only what differs is to be copied. */
  readonly survey?: ((tools: SurveyTools) => Survey) | undefined;
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
  /** Whether the target has it, as far as that was seen. */
  readonly isThere: boolean | undefined;
}

/** What a folder's listing is gone through with. */
interface Visit {
  readonly work: FolderWork;
  readonly names: FolderNames;
  readonly survey: FolderSurvey | undefined;
  readonly below: FolderWork[];
}

/** What is set when everything else is done. */
type Settled = { readonly target: Buffer } & Pick<Facts, 'mode' | 'times'>;

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
  readonly #survey: Survey | undefined;
  /** Modes and times that are set when everything else is done. */
  readonly #settled: Settled[] = [];
  readonly #links: { readonly place: EntryPlace; readonly there: Facts | undefined }[] = [];
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
    this.#survey = init.survey?.({
      signal: controller.signal,
      again: (work) => this.#again(work),
      fail: (source, target, cause) => this.#fail(source, target, cause),
      setLater: (target, { kind, mode, times }) => {
        const { preserve } = options;
        this.#settled.push({
          target,
          mode: preserve === 'times' || mode === undefined ? undefined : kind === 'directory' ? mode : mode & 0o777,
          times: preserve === 'modes' ? undefined : times,
        });
      },
    });
    controller.signal.addEventListener('abort', () => this.#stop(controller.signal.reason), { once: true });
  }

  async transfer(roots: readonly Root[]): Promise<TransferReport> {
    try {
      for (const root of roots) await this.#root(root);
      this.#progress.isListed = true;
      await this.#queue.drained();
      await this.#makeLinks();
      await this.#survey?.finish(this.#failures.length > 0);
      await this.#setFacts();
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
      const job = { source, target, facts, isFollowed: true, isNamed };
      const sync = await this.#survey?.single(job);
      if (this.#survey === undefined || sync !== undefined) await this.#queueFile({ ...job, sync });
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
    await this.#folder({
      source,
      target,
      facts,
      depth: 0,
      isNamed,
      path: Buffer.alloc(0),
      trail: [],
      isThere: undefined,
    });
  }

  /** Makes a folder, and goes through what it holds. A failure is that of the folder, and told. */
  async #folder(work: FolderWork): Promise<void> {
    const { source, target, depth } = work;
    try {
      if (depth > maxSftpTreeDepth) {
        throw new SshError(`more than ${maxSftpTreeDepth} folders deep`, { code: 'limit-exceeded', stage: 'sftp' });
      }
      const survey = await this.#survey?.enter(work);
      if (survey === undefined) await this.#makeFolder(work);
      const names = new FolderNames((name) => this.#init.target.foldName(name));
      const visit: Visit = { work, names, survey, below: [] };
      await this.#listings.hold(() =>
        this.#again(async () => {
          for await (const entry of this.#init.source.list(source)) await this.#entry(visit, entry);
        }),
      );
      survey?.complete();
      await Promise.all(visit.below.map((inside) => this.#folder(inside)));
    } catch (error) {
      await this.#fail(source, target, error);
    }
  }

  async #makeFolder({ source, target, facts, isNamed }: FolderWork): Promise<void> {
    const { mode, times } = facts;
    const isMade = await this.#again(() => this.#init.target.makeFolder(target, mode, isNamed));
    this.#folderCount++;
    this.#progress.tell({ type: 'folder', source, target });
    const { preserve, folderModes } = this.#init.options;
    // Rights that the owner was given so that the folder can be filled are taken back.
    const isLent = isMade && mode !== undefined && (mode & ownerRights) !== ownerRights;
    const keepsMode = isLent || folderModes || (preserve && preserve !== 'times');
    const keepsTimes = preserve && preserve !== 'modes';
    if (!keepsMode && !keepsTimes) return;
    this.#settled.push({ target, mode: keepsMode ? mode : undefined, times: keepsTimes ? times : undefined });
  }

  async #entry(visit: Visit, { name, facts }: Entry): Promise<void> {
    this.#context.signal.throwIfAborted();
    const { work, names, survey } = visit;
    const source = joinPath(work.source, name);
    const path = work.path.length === 0 ? name : joinPath(work.path, name);
    const place: EntryPlace = { name, path, source, target: joinPath(work.target, name) };
    try {
      this.#init.target.requireName(name);
      if (!names.add(name)) return;
      survey?.note(name);
      // A server may leave out the type, and some tell that of what a link leads to.
      const known = facts.kind === undefined ? await this.#again(() => this.#init.source.lstat(source)) : facts;
      if (this.#init.options.select?.({ path, kind: known.kind }) === false) return;
      await this.#take(visit, place, known);
    } catch (error) {
      if (error instanceof SshError && error.code === 'limit-exceeded') throw error;
      await this.#fail(source, place.target, error);
    }
  }

  /** Decides what becomes of an entry by what it is. */
  async #take({ work, survey, below }: Visit, place: EntryPlace, known: Facts): Promise<void> {
    const { links = 'skip' } = this.#init.options;
    const { source, target, path } = place;
    let { trail } = work;
    let facts = known;
    if (known.kind === 'symlink') {
      if (links === 'keep') {
        this.#links.push({ place, there: survey?.there(place.name) });
        return;
      }
      if (links === 'skip') return this.#skip(source, target, 'link');
      ({ facts, trail } = await this.#again(() => followLink(this.#init.source, source, work.trail)));
    }
    const isNamed = this.#isTrusting;
    if (facts.kind === 'directory') {
      const isThere = await survey?.folder(place);
      below.push({ source, target, facts, depth: work.depth + 1, isNamed, path, trail, isThere });
    } else if (facts.kind !== 'file' && facts.kind !== undefined) this.#skip(source, target, 'special');
    else {
      const sync = await survey?.file(place, facts);
      const isFollowed = links === 'follow';
      if (survey === undefined || sync !== undefined) {
        await this.#queueFile({ source, target, facts, isFollowed, isNamed, sync });
      }
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
      if (this.#survey?.isDry) {
        if (await this.#again(() => copy.isSame())) this.#survey.same(job);
        else this.#survey.copied(job);
        return;
      }
      const skipped = await this.#again(() => copy.run());
      if (skipped === undefined) {
        this.#survey?.copied(job);
        this.#progress.done(copy.file);
      } else {
        this.#progress.dropped(job.facts.size);
        if (this.#survey === undefined) this.#skip(job.source, job.target, skipped);
        else this.#survey.same(job);
      }
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
    const failure = { source, target, partial, error: describeFailure(this.#init.verb, source, cause, partial) };
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

  #stop(reason: unknown): void {
    const error = toSshError(reason, { code: 'aborted', stage: 'sftp' });
    for (const stop of this.#stops) stop(error);
    this.#queue.stop();
  }

  /** After everything else, so that nothing is ever written through one of them. */
  async #makeLinks(): Promise<void> {
    const { source: from, target: to } = this.#init;
    await eachWithin(this.#settings, this.#links, async ({ place, there }) => {
      const { source, target } = place;
      try {
        if (this.#survey === undefined)
          await this.#again(async () => keepLink(to, target, await from.readLink(source)));
        else if (!(await this.#survey.link(place, there))) return;
        this.#linkCount++;
        this.#progress.tell({ type: 'link', source, target });
      } catch (error) {
        await this.#fail(source, target, error);
      }
    });
  }

  /** Inner ones before those that hold them: each change of theirs would set the times of the outer one anew. */
  async #setFacts(): Promise<void> {
    await eachWithin(this.#settings, this.#settled.reverse(), async ({ target, ...facts }) => {
      try {
        await this.#again(() => this.#init.target.setFacts(target, facts));
      } catch (error) {
        await this.#fail(target, target, error);
      }
    });
  }
}
