/** Recordings over processes: a session host says what happens in a session, the monitor knows whose it is and keeps the file. */
import { SshError } from '@nacre/ssh/errors';
import { fileRecorder } from '../recording/begin.ts';
import type {
  MakeRecorder,
  RecordedLogin,
  RecordingEvent,
  RecordingMeta,
  RecordingOutcome,
  RecordingSink,
} from '../recording/types.ts';
import type { Calls } from './calls.ts';
import type { HostTable, MonitorTable } from './tables.ts';

/** More sessions at once than any connection has. */
const maxRecordings = 1000;
/** What may be on its way to the monitor before the program is asked to wait. */
const maxWaitingChars = 1024 * 1024;

/** One connection's, in the monitor. */
export class KeptRecordings {
  readonly #folder: string | undefined;
  readonly #login: RecordedLogin;
  readonly #sinks = new Map<number, RecordingSink>();
  #next = 1;

  constructor(folder: string | undefined, login: RecordedLogin) {
    this.#folder = folder;
    this.#login = login;
  }

  /** @param onFailed - nothing more can be recorded of it. */
  async begin(meta: RecordingMeta, onFailed: (recording: number, error: SshError) => void) {
    if (this.#folder === undefined || this.#sinks.size >= maxRecordings) throw refused('no recording is kept of it');
    const recorder = await fileRecorder(this.#folder, this.#login);
    const sink = await recorder.begin(meta);
    const recording = this.#next++;
    this.#sinks.set(recording, sink);
    void sink.failed.then((error) => onFailed(recording, error));
    return { recording, name: sink.name };
  }

  async write(recording: number, kind: RecordingEvent, seconds: number, text: string): Promise<void> {
    await this.#sinks.get(recording)?.write(kind, seconds, text);
  }

  async end(recording: number, outcome: RecordingOutcome): Promise<void> {
    const sink = this.#sinks.get(recording);
    this.#sinks.delete(recording);
    await sink?.end(outcome);
  }

  /** The connection has ended, and nobody will say how its sessions did. */
  async forget(): Promise<void> {
    const left = [...this.#sinks.keys()];
    const unknown = { exit: undefined, seconds: 0, outputBytes: 0, isCut: true };
    await Promise.all(left.map((recording) => this.end(recording, unknown).catch(() => {})));
  }
}

/** The same connection's, in its session host. */
export class RemoteRecordings {
  readonly #monitor: Calls<MonitorTable, HostTable>;
  readonly #id: number;
  readonly #failures = new Map<number, (error: SshError) => void>();

  constructor(id: number, monitor: Calls<MonitorTable, HostTable>) {
    this.#id = id;
    this.#monitor = monitor;
  }

  /** Whose they are and where they lie, the monitor knows. */
  readonly makeRecorder: MakeRecorder = async () => ({ begin: (meta) => this.#begin(meta) });

  fail(recording: number, error: SshError): void {
    this.#failures.get(recording)?.(error);
  }

  async #begin(meta: RecordingMeta): Promise<RecordingSink> {
    const of = { id: this.#id };
    const { recording, name } = await this.#monitor.call('beginRecording', { ...of, meta });
    const failed = new Promise<SshError>((resolve) => this.#failures.set(recording, resolve));
    let waitingChars = 0;
    return {
      name,
      failed,
      write: (kind, seconds, text) => {
        waitingChars += text.length;
        const written = this.#monitor.call('writeRecording', { ...of, recording, kind, seconds, text }).then(
          () => {
            waitingChars -= text.length;
          },
          (error: SshError) => this.fail(recording, error),
        );
        return waitingChars < maxWaitingChars ? undefined : written;
      },
      end: async (outcome) => {
        this.#failures.delete(recording);
        await this.#monitor.call('endRecording', { ...of, recording, outcome });
      },
    };
  }
}

function refused(message: string): SshError {
  return new SshError(message, { code: 'operation-failed', stage: 'channel' });
}
