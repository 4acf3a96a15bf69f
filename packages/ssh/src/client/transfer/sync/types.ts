/** What a sync may be told, and what it tells. */
import type { FileType, SftpClient, SftpPath } from '../../../sftp/index.ts';
import type { ReconnectOptions, TransferEvent, TransferFailure, TransferOptions } from '../types.ts';
import type { FilterOptions } from './filter.ts';

/** A place on a server: a session, or several of one server, and a path there. */
export interface RemotePlace extends ReconnectOptions {
  readonly sftp: SftpClient | readonly [SftpClient, ...SftpClient[]];
  readonly path: SftpPath;
}

type Inherited =
  | 'signal'
  | 'verify'
  | 'sparse'
  | 'links'
  | 'flush'
  | 'maxFiles'
  | 'maxWindowBytes'
  | 'bytesPerSecond'
  | 'progressIntervalMs';

export interface SyncOptions extends Pick<TransferOptions, Inherited>, FilterOptions {
  /**
   * What tells that a file has changed: another length or another time (`time`, the default), or another length or content (`hash`):
   * digests are made by servers that can, and by reading where not.
   */
  readonly compare?: 'time' | 'hash';
  /** Seconds that times may be apart and still count as the same. Sftp has whole seconds, some disks have every second one. Default 0. */
  readonly toleranceSeconds?: number;
  /** Removes what the target has and the source has not, after all else and only if nothing has failed. What is left out stays. */
  readonly delete?: boolean;
  /** Does nothing; the report holds what would be done. */
  readonly dryRun?: boolean;
  /** Set the times of the source, by which the next sync knows what has changed. Default true. */
  readonly times?: boolean;
  /** Set the modes of the source, but for the bits that hand out rights. Default false. */
  readonly modes?: boolean;
  /** End with the first failure, and throw it. Default: go on with the rest; the report lists the failures. */
  readonly stopOnError?: boolean;
  readonly onEvent?: (event: SyncEvent) => void;
}

/** What is done for one path, or would be. */
export interface SyncChange {
  /** `update` is for a file that was there, `attributes` for one of which only times or modes differ. */
  readonly action: 'copy' | 'update' | 'attributes' | 'folder' | 'link' | 'delete';
  /** Relative to what was named in the call; empty for that itself. */
  readonly path: Buffer;
  readonly kind: FileType | undefined;
  /** Of a file that is copied. */
  readonly bytes?: number | undefined;
  /** `extra`: the source has nothing there; `kind`: something of another kind is in the way. */
  readonly reason: 'missing' | 'size' | 'time' | 'content' | 'kind' | 'target' | 'attributes' | 'extra';
}

export type SyncEvent =
  | Exclude<TransferEvent, { readonly type: 'folder' | 'link' }>
  | { readonly type: 'change'; readonly change: SyncChange };

export interface SyncReport {
  /** Files that were not there, and those that differed. */
  readonly copied: number;
  readonly updated: number;
  /** Of which only times or modes were set. */
  readonly attributes: number;
  /** Made now. */
  readonly folders: number;
  readonly links: number;
  readonly deleted: number;
  /** What would have been deleted and was not, because something had failed. */
  readonly undeleted: number;
  /** Files and links. */
  readonly unchanged: number;
  /** Links that were not to be followed, devices and the like. */
  readonly skipped: number;
  readonly bytes: number;
  readonly failures: readonly TransferFailure[];
  readonly elapsedMs: number;
  /** With `dryRun` all that would be done, in the order in which it was found. */
  readonly plan: readonly SyncChange[];
}
