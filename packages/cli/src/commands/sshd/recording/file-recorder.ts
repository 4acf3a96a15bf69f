/** Keeps recordings in files: under a name of the server's own, with `.part` at its end until the session has ended. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { SshError } from '@nacre/ssh/errors';
import { formatEvent, formatHeader } from './asciicast.ts';
import { prepareRecordFolder } from './folder.ts';
import type {
  RecordedLogin,
  Recorder,
  RecordingEvent,
  RecordingMeta,
  RecordingOutcome,
  RecordingSink,
} from './types.ts';

/** The part of a file that is used. */
export interface RecordFile {
  appendFile(text: string): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** What waits for the disk before the program is asked to wait. */
const maxWaitingChars = 1024 * 1024;
const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_APPEND } = constants;
/** Nothing that lies in the way is written to, wherever a link there would lead. */
const newFile = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND;

export class FileRecorder implements Recorder {
  readonly #pattern: string;
  readonly #login: RecordedLogin;
  readonly #openFile: (path: string) => Promise<RecordFile>;

  /** @param pattern - RecordFolder, with its tokens. */
  constructor(
    pattern: string,
    login: RecordedLogin,
    openFile: (path: string) => Promise<RecordFile> = (path) => open(path, newFile, 0o600),
  ) {
    this.#pattern = pattern;
    this.#login = login;
    this.#openFile = openFile;
  }

  async begin(meta: RecordingMeta): Promise<RecordingSink> {
    const date = new Date();
    const path = join(prepareRecordFolder(this.#pattern, this.#login, date), nameFor(this.#login, meta, date));
    const header = formatHeader(this.#login, meta, hostname(), date.getTime());
    try {
      const file = await this.#openFile(`${path}.part`);
      await file.appendFile(header);
      return new FileSink(path, file, this.#openFile, JSON.parse(header) as object);
    } catch (error) {
      throw failure(path, error);
    }
  }
}

class FileSink implements RecordingSink {
  readonly name: string;
  readonly failed: Promise<SshError>;
  readonly #file: RecordFile;
  readonly #openFile: (path: string) => Promise<RecordFile>;
  readonly #header: object;
  #settleFailed: (error: SshError) => void = () => {};
  #error: SshError | undefined;
  #waiting: string[] = [];
  #waitingChars = 0;
  #writing: Promise<void> | undefined;
  #seconds = 0;

  constructor(path: string, file: RecordFile, openFile: (path: string) => Promise<RecordFile>, header: object) {
    this.name = path;
    this.#file = file;
    this.#openFile = openFile;
    this.#header = header;
    this.failed = new Promise((resolve) => {
      this.#settleFailed = resolve;
    });
  }

  write(kind: RecordingEvent, seconds: number, text: string): Promise<void> | undefined {
    if (this.#error !== undefined || text === '') return undefined;
    // Players want times that never go back.
    this.#seconds = Math.max(this.#seconds, seconds);
    const line = formatEvent(kind, this.#seconds, text);
    this.#waiting.push(line);
    this.#waitingChars += line.length;
    this.#writing ??= this.#drain();
    return this.#waitingChars > maxWaitingChars ? this.#writing : undefined;
  }

  async end(outcome: RecordingOutcome): Promise<void> {
    await this.#writing;
    try {
      if (this.#error === undefined) await this.#file.datasync();
    } catch (error) {
      this.#fail(error);
    }
    await this.#file.close().catch((error) => this.#fail(error));
    if (this.#error !== undefined) throw this.#error;
    try {
      await this.#writeFacts(outcome);
      await rename(`${this.name}.part`, this.name);
    } catch (error) {
      throw this.#fail(error);
    }
  }

  /** Beside the recording: what its header says, and how it ended. */
  async #writeFacts(outcome: RecordingOutcome): Promise<void> {
    const facts = await this.#openFile(this.name.replace(/\.cast$/, '.json'));
    try {
      await facts.appendFile(`${JSON.stringify({ ...this.#header, outcome }, undefined, 2)}\n`);
    } finally {
      await facts.close();
    }
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const text = this.#waiting.join('');
      this.#waiting = [];
      try {
        await this.#file.appendFile(text);
      } catch (error) {
        this.#fail(error);
        this.#waiting = [];
        this.#waitingChars = 0;
        break;
      }
      this.#waitingChars -= text.length;
    }
    this.#writing = undefined;
  }

  #fail(error: unknown): SshError {
    this.#error ??= failure(this.name, error);
    this.#settleFailed(this.#error);
    return this.#error;
  }
}

/** `20261123T062400Z-ada-17-0-0f3a….cast`: when, who, which connection and session; the rest makes it one of its own. */
function nameFor({ user, connection }: RecordedLogin, { session }: RecordingMeta, date: Date): string {
  const time = date.toISOString().replace(/[-:]|\.\d+/g, '');
  const name = user.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 64);
  return `${time}-${name}-${connection}-${session}-${randomBytes(8).toString('hex')}.cast`;
}

function failure(path: string, cause: unknown): SshError {
  if (cause instanceof SshError) return cause;
  return new SshError(`the recording ${path} cannot be kept: ${(cause as Error).message}`, {
    code: 'bad-file',
    stage: 'channel',
    remedy: 'Make room in RecordFolder, or set RecordFailure continue to go on without.',
    cause,
  });
}
