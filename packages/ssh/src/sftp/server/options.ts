/** What a server of sftp may be told beside the files that it serves. */
import type { AccountNames, FileSystem } from './file-system.ts';
import type { SftpLog } from './log.ts';

export interface SftpServerOptions {
  /** Refuses whatever would change something. Default false. */
  readonly readOnly?: boolean;
  /** Requests that are served, by their names in `sftpRequests`; all others are refused. Default: all. */
  readonly allow?: readonly string[];
  /** Requests that are refused, also where `allow` lists them. */
  readonly deny?: readonly string[];
  /** Permissions that new files and directories never get, beside those that the process's own umask takes. */
  readonly umask?: number;
  /** Handles that may be open at once. Default 1024. */
  readonly maxHandles?: number;
  /** Names of users and groups for listings and the requests that ask for them. Default: numbers. */
  readonly accounts?: AccountNames;
  readonly log?: SftpLog;
  /** Milliseconds since 1970, for the dates of listings. Default: the system's clock. */
  readonly now?: () => number;
}

/** The machine's end of a session: where replies go. */
export interface SftpServerSink {
  /** Takes frames, in order; false where no more should come until `SftpServer.onDrain` is called. */
  send(frames: readonly Buffer[]): boolean;
  /** Memory for a reply with bytes of a file. A sink that knows when frames are gone may give the same memory again. */
  allocate?(byteCount: number): Buffer;
  /** Takes back memory that no reply bears after all: the file had ended. */
  release?(memory: Buffer): void;
  /** Takes back a chunk that `SftpServer.receive` was given and of which nothing is held any more: its memory may be freed. */
  releaseInput?(chunk: Buffer): void;
}

export type { FileSystem };
