/** What both sides of a conversation take and give. */
import type { SshError } from '../errors.ts';
import type { RateLimit } from './rate-limit.ts';

/** How far a transfer is. */
export interface ScpProgress {
  /** The file that is on its way, control characters written out. */
  readonly path: string;
  /** Bytes of it that have passed. */
  readonly bytes: number;
  /** Its size. */
  readonly totalBytes: number;
  readonly filesDone: number;
  /** Files known of so far: nobody counts the files of a tree before it is sent. */
  readonly filesTotal: number;
}

export interface ScpConversationOptions {
  /** Folders too, with all that is in them. */
  readonly recursive?: boolean | undefined;
  /** Times and the whole mode. */
  readonly preserve?: boolean | undefined;
  readonly rateLimit?: RateLimit | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called when a file begins, whenever bytes of it have passed, and when it is done. */
  readonly onProgress?: ((progress: ScpProgress) => void) | undefined;
  /** A file that could not be sent or written; the others go on. */
  readonly onFailure?: ((error: SshError) => void) | undefined;
}

export interface ScpSummary {
  /** Files that arrived whole. */
  readonly files: number;
  readonly bytes: number;
  /** What was told to `onFailure`. */
  readonly failures: number;
}

/** Counts for the summary and the progress. */
export class Tally {
  files = 0;
  bytes = 0;
  failures = 0;
  /** Files begun. */
  begun = 0;
  readonly #options: ScpConversationOptions;

  constructor(options: ScpConversationOptions) {
    this.#options = options;
  }

  progress(path: string, bytes: number, totalBytes: number): void {
    this.#options.onProgress?.({ path, bytes, totalBytes, filesDone: this.files, filesTotal: this.begun });
  }

  fail(error: SshError): void {
    this.failures++;
    this.#options.onFailure?.(error);
  }

  summary(): ScpSummary {
    return { files: this.files, bytes: this.bytes, failures: this.failures };
  }
}
