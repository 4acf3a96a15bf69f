/** One folder of a sync: what the target has there, held against what the source tells. */
import { SshError } from '../../../errors.ts';
import { joinPath } from '../../../sftp/index.ts';
import type { SyncFacts } from '../file-copy.ts';
import { partialName } from '../partial-name.ts';
import type { Entry, Facts, TargetSide } from '../side.ts';
import type { EntryPlace, FolderPlace, FolderSurvey } from '../survey.ts';
import type { Extra } from './deletions.ts';

/** What a file is written under until it is whole. */
export const partialSuffix = '.nacre-part';
/** A new file up to this size is written in its place at once: it would not be worth a renaming. */
const directBytes = 256 * 1024;

/** What a folder asks of the sync that it belongs to. */
export interface FolderHost {
  readonly side: TargetSide;
  /** What a file and its target's facts call for; undefined: nothing. */
  judge(place: EntryPlace, facts: Facts, there: Facts | undefined): 'copy' | 'by-hash' | undefined;
  /** Removes what is in the way. @throws SshError where it may not. */
  clear(extra: Extra): Promise<void>;
  /** What the source has not; told once the source has told everything. */
  extras(found: readonly Extra[]): void;
}

export class SyncFolder implements FolderSurvey {
  readonly #host: FolderHost;
  readonly #place: FolderPlace;
  /** By what names have in common that are the same file there. */
  readonly #there = new Map<string, Entry>();
  readonly #noted = new Set<string>();

  constructor(host: FolderHost, place: FolderPlace, entries: readonly Entry[]) {
    this.#host = host;
    this.#place = place;
    for (const entry of entries) this.#there.set(this.#key(entry.name), entry);
  }

  note(name: Buffer): void {
    this.#noted.add(this.#key(name));
  }

  async file(place: EntryPlace, facts: Facts): Promise<SyncFacts | undefined> {
    const there = await this.#factsOf(place);
    if (there?.kind === 'directory') await this.#host.clear({ target: place.target, path: place.path, facts: there });
    const isNew = there === undefined || there.kind === 'directory';
    const verdict = this.#host.judge(place, facts, isNew ? undefined : there);
    if (verdict === undefined) return undefined;
    const partial = this.#key(partialName(place.name, partialSuffix));
    const hasPartial = this.#there.has(partial);
    // What is there of it is gone on with, and takes its place by being renamed.
    this.#noted.add(partial);
    const isDirect = isNew && !hasPartial && facts.size !== undefined && facts.size <= directBytes;
    return { there: isNew ? undefined : there, compareByHash: verdict === 'by-hash', isDirect, hasPartial };
  }

  async folder(place: EntryPlace): Promise<boolean> {
    const there = await this.#factsOf(place);
    if (there === undefined) return false;
    if (there.kind === 'directory') return true;
    await this.#host.clear({ target: place.target, path: place.path, facts: there });
    return false;
  }

  there(name: Buffer): Facts | undefined {
    return this.#there.get(this.#key(name))?.facts;
  }

  complete(): void {
    const extras: Extra[] = [];
    for (const [key, { name, facts }] of this.#there) {
      if (this.#noted.has(key)) continue;
      const path = this.#place.path.length === 0 ? name : joinPath(this.#place.path, name);
      extras.push({ target: joinPath(this.#place.target, name), path, facts });
    }
    this.#host.extras(extras);
  }

  async #factsOf({ name, target }: EntryPlace): Promise<Facts | undefined> {
    const facts = this.there(name);
    return facts !== undefined && facts.kind === undefined ? this.#host.side.lstat(target) : facts;
  }

  #key(name: Buffer): string {
    return this.#host.side.foldName(name);
  }
}

/** A folder cannot be replaced by what is none as long as it holds something that has to stay. */
export function inTheWay(remedy: string): SshError {
  return new SshError('something of another kind stands in its place', {
    code: 'operation-failed',
    stage: 'sftp',
    remedy,
  });
}
