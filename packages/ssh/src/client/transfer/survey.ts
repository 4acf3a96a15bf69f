/** What a sync adds to a transfer: it looks at what the target has, before anything is done to it. */
import type { CopyJob, SyncFacts } from './file-copy.ts';
import type { Facts } from './side.ts';

/** What the run lends to a survey. */
export interface SurveyTools {
  readonly signal: AbortSignal;
  /** Tries again after a lost connection. */
  again<T>(work: () => Promise<T>): Promise<T>;
  /** Notes a failure; throws it where the transfer is not to go on. */
  fail(source: Buffer, target: Buffer, cause: unknown): Promise<void>;
  /** Has mode and times of the source set at the target when all else is done. */
  setLater(target: Buffer, facts: Facts): void;
}

/** A folder that a run comes to. */
export interface FolderPlace {
  readonly source: Buffer;
  readonly target: Buffer;
  /** Relative to what was named. */
  readonly path: Buffer;
  readonly facts: Facts;
  readonly isNamed: boolean;
  /** Whether the target has it, as far as that was seen; undefined for what the caller named. */
  readonly isThere: boolean | undefined;
}

export interface EntryPlace {
  readonly name: Buffer;
  readonly path: Buffer;
  readonly source: Buffer;
  readonly target: Buffer;
}

export interface Survey {
  /** Nothing is done; what would be is told. */
  readonly isDry: boolean;
  /** Makes the folder where there is none, and looks into it. */
  enter(place: FolderPlace): Promise<FolderSurvey>;
  /** What was named is no folder. Undefined: nothing has to be done. */
  single(job: CopyJob): Promise<SyncFacts | undefined>;
  /** A file was copied, or would be. */
  copied(job: CopyJob): void;
  /** A hash has shown that there was nothing to copy. */
  same(job: CopyJob): void;
  /** Makes a link that is kept, unless it is there. */
  link(place: EntryPlace, there: Facts | undefined): Promise<boolean>;
  /** After everything else: what is too much is removed, unless something has failed. */
  finish(hasFailed: boolean): Promise<void>;
}

export interface FolderSurvey {
  /** The source has something of this name, whatever becomes of it: nothing of that name is too much. */
  note(name: Buffer): void;
  /** Undefined: nothing has to be done. */
  file(place: EntryPlace, facts: Facts): Promise<SyncFacts | undefined>;
  /** Clears the way for a folder. @returns whether there is one. */
  folder(place: EntryPlace): Promise<boolean>;
  /** What stands where a link is to be. */
  there(name: Buffer): Facts | undefined;
  /** All names of the source were told. */
  complete(): void;
}
