/** What a recorded session says, and to whom: plain data, since the file may be written by another process than serves the session. */
import type { SshError } from '@nacre/ssh/errors';

/** What the session's side knows of itself when it begins. */
export interface RecordingMeta {
  /** The channel's number. */
  readonly session: number;
  readonly kind: 'shell' | 'exec';
  /** Undefined for the login shell. */
  readonly command: string | undefined;
  readonly columns: number;
  readonly rows: number;
  /** What the client calls its terminal; undefined without one. */
  readonly term: string | undefined;
}

/** Output, input, and a new size as `COLUMNSxROWS`. */
export type RecordingEvent = 'o' | 'i' | 'r';

export interface RecordingOutcome {
  /** How the program ended; neither where it could not be started. */
  readonly exit: { readonly code: number } | { readonly signal: string } | undefined;
  readonly seconds: number;
  /** All that was put out, recorded or not. */
  readonly outputBytes: number;
  /** Output beyond RecordLimit was left out. */
  readonly isCut: boolean;
}

/** Takes one recording. */
export interface RecordingSink {
  /** The file, for the log. */
  readonly name: string;
  /** Settles where nothing more can be recorded. Never rejects. */
  readonly failed: Promise<SshError>;
  /**
   * @param seconds - since the beginning.
   * @returns a promise where whoever produces more should wait until it settles. It never rejects.
   */
  write(kind: RecordingEvent, seconds: number, text: string): Promise<void> | undefined;
  /** Rejects where the recording is not whole. */
  end(outcome: RecordingOutcome): Promise<void>;
}

/** Makes recordings for one connection. */
export interface Recorder {
  /** @throws SshError where the recording cannot be kept. */
  begin(meta: RecordingMeta): Promise<RecordingSink>;
}

/** Who is recorded: what the server itself knows, and not the session's side. */
export interface RecordedLogin {
  readonly user: string;
  readonly uid: number;
  readonly home: string;
  readonly shell: string;
  /** As in the log. */
  readonly connection: number;
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly client: string;
  readonly methods: readonly string[];
  /** Fingerprints of the keys that were proved. */
  readonly keys: readonly string[];
  /** The hash of the first key exchange, in hexadecimal. */
  readonly sessionId: string;
}

/** @param folder - RecordFolder, with its tokens. */
export type MakeRecorder = (folder: string, login: RecordedLogin) => Promise<Recorder>;
