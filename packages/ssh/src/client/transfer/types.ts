/** What a transfer may be told, and what it tells. */
import type { SshError } from '../../errors.ts';
import type { FileType, SftpClient } from '../../sftp/index.ts';

export interface TransferOptions {
  readonly signal?: AbortSignal | undefined;
  /** Folders, with all that is in them. Without it a folder is an error. */
  readonly recursive?: boolean;
  /** Times and modes of files and folders, or one of both; without it modes are subject to the umask and times are now. */
  readonly preserve?: boolean | 'times' | 'modes';
  /**
   * Go on where an earlier transfer stopped: `length` trusts that what is there is the beginning of the file, `hash` compares first
   * and begins anew where it is not. A file that is as long as its source is left alone.
   */
  readonly resume?: 'length' | 'hash' | undefined;
  /** Compare what arrived with what was sent by a hash: made by the server where it offers that, else by reading back. */
  readonly verify?: boolean;
  /** Leave holes where the file has blocks of zeros. */
  readonly sparse?: boolean;
  /**
   * Links inside folders: `skip` them (the default), `follow` to what they lead to, or `keep` them as links. What is named in the
   * call is followed in any case. Kept links are made after everything else, and nothing is ever written through one.
   */
  readonly links?: 'skip' | 'follow' | 'keep';
  /**
   * What the target's path is: `name` the file's or the folder's own, whatever is there; `folder` a folder that is there, which
   * takes the sources under their own names. Default: whichever of them it turns out to be.
   */
  readonly targetIs?: 'name' | 'folder';
  /** What is named in the call and is neither a file nor a folder, such as a pipe, is an error. Default: it is read to its end. */
  readonly regularOnly?: boolean;
  /**
   * Links that stand where something is to be written, but for those that the call names itself: `follow` trusts the source with what
   * they lead to. Default `refuse`.
   */
  readonly targetLinks?: 'refuse' | 'follow';
  /** What to do with a file that is there already. Default `replace`; with `resume` it is gone on with. */
  readonly existing?: 'replace' | 'skip' | 'refuse';
  /**
   * Write over what a file holds, and cut off what is left of it at the end. Default: empty it first. A file that is copied onto
   * itself by another name stays whole this way.
   */
  readonly inPlace?: boolean;
  /** Folders get the very mode of their source, whatever the umask. Default: with `preserve`, and where the owner has not all rights. */
  readonly folderModes?: boolean;
  /** Write beside the file, under its name with this added, and rename when it is whole. Default: write in place. */
  readonly partialSuffix?: string;
  /** Have each file put on its disk before it counts as done. */
  readonly flush?: boolean;
  /** Go on with the other files when one fails; the report lists the failures. Default: stop, and throw the first. */
  readonly continueOnError?: boolean;
  /** Leaves out what it gives false for; of a folder, all that is in it. The path is relative to what was named in the call. */
  readonly select?: (entry: { readonly path: Buffer; readonly kind: FileType | undefined }) => boolean;
  /** Files under way at the same time. Default 256, as far as the server's handles go; 64 where it does not tell. */
  readonly maxFiles?: number;
  /** The most bytes under way, and so in memory. Default: what the path holds as measured, at most 24 MiB. */
  readonly maxWindowBytes?: number;
  /** No faster than this. */
  readonly bytesPerSecond?: number;
  readonly onEvent?: (event: TransferEvent) => void;
  /**
   * `while-quick` makes calls for local files at once, in place of handing each to a thread, until they turn out slow: half the work
   * for small files, in a program that may be kept waiting by its disk. Default: threads.
   */
  readonly blocking?: 'while-quick';
  /** How often at most `progress` is told while bytes move, in milliseconds. Default 100. */
  readonly progressIntervalMs?: number;
}

/** How a lost connection is replaced. */
export interface ReconnectOptions {
  /**
   * Opens another session in place of one that was lost; the transfer goes on where it stopped.
   *
   * @param attempt - 1 for the first in a row without progress. To give up, throw.
   */
  readonly reconnect?: (error: SshError, attempt: number) => Promise<SftpClient>;
}

/** One file of a transfer. */
export interface TransferFile {
  readonly source: Buffer;
  readonly target: Buffer;
  /** Undefined where the source does not tell. */
  readonly size: number | undefined;
  /** Bytes that are there, those of an earlier transfer included. */
  bytes: number;
}

export interface TransferProgress {
  /** Bytes moved, and those that an earlier transfer had moved. */
  readonly bytes: number;
  readonly files: number;
  /** What was found so far; all there is once `isListed`. */
  readonly totalBytes: number;
  readonly totalFiles: number;
  readonly isListed: boolean;
  /** Over the last seconds. */
  readonly bytesPerSecond: number;
  /** Undefined before everything is listed, and while nothing moves. */
  readonly secondsLeft: number | undefined;
}

export type TransferEvent =
  | { readonly type: 'start'; readonly file: TransferFile }
  | { readonly type: 'progress'; readonly file: TransferFile; readonly total: TransferProgress }
  | { readonly type: 'done'; readonly file: TransferFile; readonly total: TransferProgress }
  | { readonly type: 'skipped'; readonly source: Buffer; readonly target: Buffer; readonly reason: SkipReason }
  | { readonly type: 'failed'; readonly failure: TransferFailure }
  | { readonly type: 'folder'; readonly source: Buffer; readonly target: Buffer }
  | { readonly type: 'link'; readonly source: Buffer; readonly target: Buffer };

/** `link`: one that is not followed; `special`: no file, folder or link; `existing`: there already; `same`: nothing was missing. */
export type SkipReason = 'link' | 'special' | 'existing' | 'same';

export interface TransferFailure {
  readonly source: Buffer;
  readonly target: Buffer;
  readonly error: SshError;
  /** What there is of the file: a later transfer with `resume` goes on there. */
  readonly partial: { readonly path: Buffer; readonly bytes: number } | undefined;
}

export interface TransferReport {
  readonly files: number;
  readonly folders: number;
  readonly links: number;
  /** Bytes moved now, without those that were there. */
  readonly bytes: number;
  readonly skipped: number;
  readonly failures: readonly TransferFailure[];
  readonly elapsedMs: number;
}
