/** A sync under way: decides for each path what is to be done, and keeps the account. */
import { SshError } from '../../../errors.ts';
import { lastName } from '../../../sftp/index.ts';
import type { CopyJob, SyncFacts } from '../file-copy.ts';
import { keepLink } from '../keep-link.ts';
import type { Entry, Facts, Side, SourceSide, TargetSide } from '../side.ts';
import type { EntryPlace, FolderPlace, FolderSurvey, Survey, SurveyTools } from '../survey.ts';
import { Deletions, type Extra } from './deletions.ts';
import { type ComparisonOptions, findDifference, needsAttributes } from './differences.ts';
import type { Filter } from './filter.ts';
import { type FolderHost, inTheWay, SyncFolder } from './folder.ts';
import { listWhole } from './list-whole.ts';
import type { SyncChange } from './types.ts';

export interface SyncSettings extends ComparisonOptions {
  readonly isDry: boolean;
  readonly deletes: boolean;
  readonly filter: Filter;
  readonly onChange: (change: SyncChange) => void;
}

export class SyncSurvey implements Survey, FolderHost {
  readonly isDry: boolean;
  readonly side: TargetSide;
  unchanged = 0;
  undeleted = 0;
  readonly #source: SourceSide;
  readonly #settings: SyncSettings;
  readonly #tools: SurveyTools;
  readonly #deletions: Deletions;
  readonly #extras: Extra[] = [];
  readonly #folders: {
    readonly target: Buffer;
    readonly path: Buffer;
    readonly facts: Facts;
    readonly there: Facts | undefined;
  }[] = [];
  /** Folders in which something was done, and which have another time by that. */
  readonly #touched = new Set<string>();
  /** Of files that are to be copied: their path, and why. */
  readonly #jobs = new Map<Buffer, { readonly path: Buffer; readonly reason: SyncChange['reason'] }>();

  constructor(source: SourceSide, target: TargetSide, settings: SyncSettings, tools: SurveyTools) {
    this.#source = source;
    this.side = target;
    this.#settings = settings;
    this.#tools = tools;
    this.isDry = settings.isDry;
    this.#deletions = new Deletions(target, settings.filter, tools, settings.isDry, (change) => this.#tell(change));
  }

  async enter(place: FolderPlace): Promise<FolderSurvey> {
    const { target, path, facts, isNamed } = place;
    const there = await this.#folderThere(place);
    const isThere = there !== undefined;
    if (!isThere && !this.isDry) await this.#tools.again(() => this.side.makeFolder(target, facts.mode, isNamed));
    if (!isThere) this.#tell({ action: 'folder', path, kind: 'directory', reason: 'missing' });
    const entries: readonly Entry[] = isThere ? await this.#tools.again(() => listWhole(this.side, target)) : [];
    this.#folders.push({ target, path, facts, there });
    return new SyncFolder(this, place, entries);
  }

  async single({ source, target, facts }: CopyJob): Promise<SyncFacts | undefined> {
    const there = await this.#tools.again(() => lstatIfThere(this.side, target));
    const place = { name: lastName(target), path: lastName(target), source, target };
    if (there?.kind === 'directory') throw inTheWay('Remove it, or choose another folder.');
    const verdict = this.judge(place, facts, there);
    return verdict && { there, compareByHash: verdict === 'by-hash', isDirect: false, hasPartial: true };
  }

  judge({ target, path }: EntryPlace, facts: Facts, there: Facts | undefined): 'copy' | 'by-hash' | undefined {
    const difference = there === undefined ? 'missing' : findDifference(facts, there, this.#settings);
    if (there !== undefined && difference === undefined) {
      this.#unchanged(path, target, facts, there);
      return undefined;
    }
    const isUnsure = difference === 'by-hash';
    this.#jobs.set(target, { path, reason: isUnsure ? 'content' : (difference ?? 'missing') });
    return isUnsure ? difference : 'copy';
  }

  async clear(extra: Extra): Promise<void> {
    const { deletes } = this.#settings;
    // A file or a link is replaced by what the source has. A folder goes only where folders may.
    if (extra.facts.kind === 'directory' && !deletes) {
      throw inTheWay('Remove it first, or let the sync delete what the source has not.');
    }
    if (!(await this.#deletions.remove(extra, 'kind')))
      throw inTheWay('It holds what is left out, or cannot be removed.');
  }

  extras(found: readonly Extra[]): void {
    if (this.#settings.deletes) this.#extras.push(...found);
  }

  copied({ target, facts, sync }: CopyJob): void {
    const { path = lastName(target), reason = 'missing' } = this.#jobs.get(target) ?? {};
    this.#jobs.delete(target);
    const action = sync?.there === undefined ? 'copy' : 'update';
    this.#tell({ action, path, kind: 'file', bytes: facts.size, reason });
  }

  same({ target, facts, sync }: CopyJob): void {
    const path = this.#jobs.get(target)?.path ?? lastName(target);
    this.#jobs.delete(target);
    this.#unchanged(path, target, facts, sync?.there ?? facts);
  }

  async link({ source, target, path }: EntryPlace, there: Facts | undefined): Promise<boolean> {
    const wanted = await this.#tools.again(() => this.#source.readLink(source));
    const kind = there !== undefined && there.kind === undefined ? (await this.side.lstat(target)).kind : there?.kind;
    if (kind === 'symlink') {
      const has = await this.#tools.again(() => this.side.readLink(target));
      if (has.equals(wanted)) {
        this.unchanged++;
        return false;
      }
      if (!this.isDry) await this.#tools.again(() => this.side.remove(target));
    } else if (there !== undefined) await this.clear({ target, path, facts: { ...there, kind } });
    if (!this.isDry) await this.#tools.again(() => keepLink(this.side, target, wanted));
    const reason = there === undefined ? 'missing' : kind === 'symlink' ? 'target' : 'kind';
    this.#tell({ action: 'link', path, kind: 'symlink', reason });
    return true;
  }

  async finish(hasFailed: boolean): Promise<void> {
    // What could not be read may be what would have kept these.
    if (hasFailed)
      this.undeleted = this.#extras.filter(({ path, facts }) => this.#settings.filter(path, facts.kind)).length;
    else await this.#deletions.removeAll(this.#extras);
    if (this.isDry) return;
    for (const { target, path, facts, there } of this.#folders) {
      const isTouched = there === undefined || this.#touched.has(path.toString('latin1'));
      if (isTouched ? this.#settings.times || this.#settings.modes : needsAttributes(facts, there, this.#settings)) {
        this.#tools.setLater(target, facts);
      }
    }
  }

  /** The target, where it is a folder already. A link in its place is followed only where it is the caller's own word. */
  async #folderThere({ target, isNamed, isThere }: FolderPlace): Promise<Facts | undefined> {
    if (isThere === false) return undefined;
    const there = await this.#tools.again(() =>
      isNamed ? statIfThere(this.side, target) : lstatIfThere(this.side, target),
    );
    if (there === undefined || there.kind === 'directory') return there;
    // A listing that told what a link leads to, or the caller's word for something that is no folder.
    throw inTheWay('Remove it, or choose another folder.');
  }

  #unchanged(path: Buffer, target: Buffer, facts: Facts, there: Facts): void {
    this.unchanged++;
    if (!needsAttributes(facts, there, this.#settings)) return;
    if (!this.isDry) this.#tools.setLater(target, facts);
    this.#tell({ action: 'attributes', path, kind: 'file', reason: 'attributes' });
  }

  #tell(change: SyncChange): void {
    const { action, path } = change;
    if (action !== 'attributes') {
      const slash = path.lastIndexOf(0x2f);
      if (path.length > 0) this.#touched.add(slash < 0 ? '' : path.toString('latin1', 0, slash));
    }
    this.#settings.onChange(change);
  }
}

async function statIfThere(side: Side, path: Buffer): Promise<Facts | undefined> {
  return ifThere(() => side.stat(path));
}

async function lstatIfThere(side: Side, path: Buffer): Promise<Facts | undefined> {
  return ifThere(() => side.lstat(path));
}

async function ifThere(look: () => Promise<Facts>): Promise<Facts | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof SshError && error.code === 'no-such-file') return undefined;
    throw error;
  }
}
