/** sync: makes one tree as another is, and moves only what differs. */
import { SshError } from '../../../errors.ts';
import { joinPath, lastName, type SftpPath, toPathBytes } from '../../../sftp/index.ts';
import { printable } from '../../../wire/index.ts';
import { LocalSide } from '../local-side.ts';
import { RemoteSide } from '../remote-side.ts';
import type { Root } from '../run.ts';
import type { Session } from '../session.ts';
import type { Side, SourceSide, TargetSide } from '../side.ts';
import { sessionsOf, start } from '../start.ts';
import type { TransferEvent } from '../types.ts';
import { makeFilter } from './filter.ts';
import { partialSuffix } from './folder.ts';
import { SyncSurvey } from './survey.ts';
import type { RemotePlace, SyncChange, SyncOptions, SyncReport } from './types.ts';

/**
 * Makes the target as the source is, one way: what is missing or differs is copied, and with `delete` what is too much is removed. What
 * the source's folder holds comes to be in the target's folder; the target is made where it is missing, but not what it stands in.
 *
 * Changed files are written beside their place and renamed when they are whole, so that nobody sees half of one, and the next sync goes
 * on with what a lost connection left. Links in the target are replaced, and never written or deleted through.
 *
 * @param source - a local path, or a place on a server.
 * @param target - the same; one of both is on a server.
 * @returns what was done. A failure stands in the report, and nothing is deleted then; with `stopOnError` it is thrown.
 * @throws SshError where nothing can go on: the source is missing, the target is no folder, a connection is lost for good.
 * @example
 * const report = await sync('./site', { sftp, path: '/srv/www' }, { delete: true, exclude: ['.git/', '*.tmp'] });
 * console.log(`${report.copied + report.updated} copied, ${report.deleted} deleted, ${report.unchanged} as they were`);
 */
export async function sync(
  source: SftpPath | RemotePlace,
  target: SftpPath | RemotePlace,
  options: SyncOptions = {},
): Promise<SyncReport> {
  const { stopOnError = false, dryRun = false, times = true, modes = false, onEvent, ...more } = options;
  const from = openPlace(source);
  const to = openPlace(target, from);
  const sessions = [...new Set([...from.sessions, ...to.sessions])];
  if (sessions.length === 0) {
    throw new SshError('sync: both places are local; one of them has to be on a server', {
      code: 'misuse',
      stage: 'sftp',
    });
  }
  const filter = makeFilter(options);
  const suffix = Buffer.from(partialSuffix);
  const account = new Account(onEvent, dryRun);
  let survey: SyncSurvey | undefined;
  const report = await start({
    verb: 'sync',
    sessions,
    lanes: from.isRemote && to.isRemote ? 1 : sessions.length,
    options: {
      ...more,
      recursive: true,
      continueOnError: !stopOnError,
      preserve: times ? (modes ? true : 'times') : modes && 'modes',
      resume: 'hash',
      partialSuffix,
      // What an earlier sync has left over is no file.
      select: ({ path, kind }) => !path.subarray(-suffix.length).equals(suffix) && filter(path, kind),
      onEvent: (event) => account.event(event),
    },
    makeSides: (budget, signal) => {
      const makeSide = ({ sessions: [first, ...others] }: Opened) =>
        first === undefined ? new LocalSide({}) : new RemoteSide([first, ...others], budget, signal);
      return [makeSide(from), makeSide(to)];
    },
    findRoots: (fromSide, toSide) => findRoots(fromSide, toSide, from, to),
    makeSurvey: (fromSide, toSide, tools) => {
      const settings = {
        compare: options.compare ?? 'time',
        toleranceSeconds: options.toleranceSeconds ?? 0,
        times,
        modes,
        isDry: dryRun,
        deletes: options.delete ?? false,
        filter,
        onChange: (change: SyncChange) => account.change(change),
      } as const;
      survey = new SyncSurvey(fromSide, toSide, settings, tools);
      return survey;
    },
  });
  const { bytes, skipped, failures, elapsedMs } = report;
  const { unchanged = 0, undeleted = 0 } = survey ?? {};
  return { ...account.counts(), unchanged, undeleted, bytes, skipped, failures, elapsedMs, plan: account.plan };
}

/** Counts changes, and tells of them. */
class Account {
  readonly plan: SyncChange[] = [];
  readonly #tell: SyncOptions['onEvent'];
  readonly #isDry: boolean;
  readonly #counts = new Map<SyncChange['action'], number>();

  constructor(tell: SyncOptions['onEvent'], isDry: boolean) {
    this.#tell = tell;
    this.#isDry = isDry;
  }

  change(change: SyncChange): void {
    this.#counts.set(change.action, (this.#counts.get(change.action) ?? 0) + 1);
    if (this.#isDry) this.plan.push(change);
    this.#tell?.({ type: 'change', change });
  }

  event(event: TransferEvent): void {
    // Told as changes.
    if (event.type !== 'folder' && event.type !== 'link') this.#tell?.(event);
  }

  counts(): Pick<SyncReport, 'copied' | 'updated' | 'attributes' | 'folders' | 'links' | 'deleted'> {
    const count = (action: SyncChange['action']) => this.#counts.get(action) ?? 0;
    return {
      copied: count('copy'),
      updated: count('update'),
      attributes: count('attributes'),
      folders: count('folder'),
      links: count('link'),
      deleted: count('delete'),
    };
  }
}

interface Opened {
  readonly path: Buffer;
  readonly isRemote: boolean;
  readonly sessions: readonly Session[];
  /** What was given for them. */
  readonly clients: RemotePlace['sftp'] | undefined;
}

function openPlace(place: SftpPath | RemotePlace, other?: Opened): Opened {
  if (typeof place === 'string' || place instanceof Uint8Array) {
    return { path: toPathBytes(place), isRemote: false, sessions: [], clients: undefined };
  }
  const { sftp, reconnect } = place;
  // The same session twice is one that is replaced once.
  const sessions = other?.clients === sftp ? other.sessions : sessionsOf(sftp, reconnect);
  return { path: toPathBytes(place.path), isRemote: true, sessions, clients: sftp };
}

async function findRoots(fromSide: SourceSide, toSide: TargetSide, from: Opened, to: Opened): Promise<Root[]> {
  const facts = await fromSide.stat(from.path);
  if (facts.kind !== 'directory') {
    const there = await toSide.stat(to.path).catch(missingAsUndefined);
    if (there?.kind !== 'directory') return [{ source: from.path, target: to.path, facts, isNamed: true }];
    const name = lastName(from.path);
    toSide.requireName(name);
    return [{ source: from.path, target: joinPath(to.path, name), facts, isNamed: false }];
  }
  if (from.isRemote && to.isRemote && from.sessions[0] === to.sessions[0]) await requireApart(fromSide, from, to);
  return [{ source: from.path, target: to.path, facts, isNamed: true }];
}

/** A tree that is synced into itself would never end, and deleting in one that holds its source would remove the source. */
async function requireApart(side: Side, from: Opened, to: Opened): Promise<void> {
  const [inner, outer] = [await side.realpath(from.path), await side.realpath(to.path).catch(() => to.path)];
  const holds = (one: Buffer, other: Buffer) => {
    const below = joinPath(one, Buffer.alloc(0));
    return one.equals(other) || other.subarray(0, below.length).equals(below);
  };
  if (!holds(inner, outer) && !holds(outer, inner)) return;
  throw new SshError(
    `sync: "${printable(from.path, 'one')}" and "${printable(to.path, 'one')}" are one folder, or one holds the other`,
    { code: 'misuse', stage: 'sftp' },
  );
}

function missingAsUndefined(error: unknown): undefined {
  if (error instanceof SshError && error.code === 'no-such-file') return undefined;
  throw error;
}
