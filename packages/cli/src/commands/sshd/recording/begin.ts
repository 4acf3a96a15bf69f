/** Whether a session is recorded, how much of it, and what becomes of one that must be and cannot (RecordSessions, RecordFailure). */
import type { PtyRequest } from '@nacre/ssh/connection';
import { SshError } from '@nacre/ssh/errors';
import { fingerprint } from '@nacre/ssh/keys';
import type { ServerConnection } from '@nacre/ssh/server';
import type { Account } from '../../../os/index.ts';
import { describe, numberOf, type RootDesk, type Say } from '../admission.ts';
import type { Settings } from '../config/config.ts';
import { loggedName } from '../log.ts';
import { SessionRecording } from './session-recording.ts';
import type { MakeRecorder, RecordedLogin, Recorder, RecordingMeta, RecordingSink } from './types.ts';

/** Whose session it is. */
export interface RecordedParties {
  readonly account: Account;
  readonly settings: Settings;
  readonly connection: ServerConnection;
  readonly log: Say;
  readonly desk?: RootDesk | undefined;
}

/** A session that is about to start. */
export interface RecordableSession extends RecordedParties {
  /** The channel's number. */
  readonly id: number;
  /** Undefined for the login shell. */
  readonly command: string | undefined;
  /** Its bytes are a protocol's and no text. */
  readonly isSubsystem: boolean;
  readonly pty: PtyRequest | undefined;
  /** Ends the session: it must be recorded, and can no longer be. */
  end(): void;
}

/** A session that is listened in on. */
export interface Recorded extends Pick<SessionRecording, 'tap' | 'watchInput' | 'resize'> {
  /** Never rejects: what went wrong stands in the log. */
  end(exit: { readonly code: number } | { readonly signal: string } | undefined): Promise<void>;
}

/** Where no terminal says how large it is. */
const plainSize = { columns: 80, rows: 24 };
const maxLoggedCommand = 1000;

/**
 * Undefined for a session that is not recorded.
 *
 * @throws SshError where it must be and cannot.
 */
export async function beginRecording(
  session: RecordableSession,
  makeRecorder: MakeRecorder = session.desk?.makeRecorder ?? fileRecorder,
): Promise<Recorded | undefined> {
  const { settings, command, isSubsystem, pty } = session;
  const { recordSessions, recordLimit } = settings;
  if (recordSessions === 'no') return undefined;
  const isWhole = pty !== undefined || (command === undefined && !isSubsystem);
  if (!isWhole && recordSessions !== 'commands') return undefined;
  const keepsText = isWhole || (recordLimit > 0 && !isSubsystem);
  const sink = keepsText ? await openSink(session, makeRecorder) : undefined;
  if (keepsText && sink === undefined) return undefined;
  const recording = new SessionRecording(sink, {
    hasInput: settings.recordInput,
    limitBytes: isWhole ? undefined : recordLimit,
  });
  return watch(session, recording, sink);
}

/** Undefined where it cannot be had and the session goes on without. */
async function openSink(session: RecordableSession, makeRecorder: MakeRecorder): Promise<RecordingSink | undefined> {
  const { settings, log } = session;
  try {
    if (settings.recordFolder === undefined) throw noFolder();
    const recorder = await makeRecorder(settings.recordFolder, loginOf(session));
    return await recorder.begin(metaOf(session));
  } catch (error) {
    if (settings.recordFailure === 'end') throw error;
    log('ERROR', `session of ${nameOf(session)} goes on without a recording: ${(error as Error).message}`);
    return undefined;
  }
}

function watch(session: RecordableSession, recording: SessionRecording, sink: RecordingSink | undefined): Recorded {
  const { log, settings, command, id } = session;
  const name = nameOf(session);
  const text = command === undefined ? 'shell' : `command '${command.slice(0, maxLoggedCommand)}'`;
  const place = sink === undefined ? '' : ` to ${sink.name}`;
  log('INFO', `Recording session of ${name}: ${text}${place}`, {
    event: 'recording-start',
    session: id,
    file: sink?.name,
  });
  let hasFailed = false;
  void sink?.failed.then((error) => {
    hasFailed = true;
    const isEnded = settings.recordFailure === 'end';
    log('ERROR', `session of ${name} ${isEnded ? 'is ended' : 'goes on without a recording'}: ${error.message}`);
    if (isEnded) session.end();
  });
  return {
    tap: (output) => recording.tap(output),
    watchInput: (stream) => recording.watchInput(stream),
    resize: (size) => recording.resize(size),
    async end(exit) {
      try {
        const { seconds, outputBytes, isCut } = await recording.end(exit);
        const how =
          exit === undefined ? 'not started' : 'code' in exit ? `status ${exit.code}` : `signal ${exit.signal}`;
        const line = `${how}, ${outputBytes} bytes of output in ${seconds.toFixed(1)} seconds${isCut ? ', cut' : ''}`;
        log('INFO', `Recorded session of ${name}: ${line}${place}`, {
          event: 'recording-end',
          session: id,
          file: sink?.name,
          bytes: outputBytes,
        });
      } catch (error) {
        if (!hasFailed) log('ERROR', `recording of ${name}: ${(error as Error).message}`);
      }
    },
  };
}

function nameOf({ account, connection, id }: RecordableSession): string {
  return `user ${loggedName(account.name)} from ${describe(connection.peer)} id ${id}`;
}

function metaOf({ id, command, pty }: RecordableSession): RecordingMeta {
  const { columns, rows } = pty ?? plainSize;
  return { session: id, kind: command === undefined ? 'shell' : 'exec', command, columns, rows, term: pty?.term };
}

function loginOf({ account, connection }: RecordableSession): RecordedLogin {
  const { peer, methods, keys, sessionId } = connection;
  return {
    user: account.name,
    uid: account.uid,
    home: account.home,
    shell: account.shell,
    connection: numberOf(peer),
    address: peer.address,
    port: peer.port,
    client: peer.identification,
    methods: [...methods],
    keys: keys.map((key) => fingerprint(key)),
    sessionId: sessionId.toString('hex'),
  };
}

export async function fileRecorder(folder: string, login: RecordedLogin): Promise<Recorder> {
  const { FileRecorder } = await import('./file-recorder.ts');
  return new FileRecorder(folder, login);
}

function noFolder(): SshError {
  return new SshError('RecordSessions asks for recordings, and RecordFolder names no place for them', {
    code: 'bad-file',
    stage: 'config',
    remedy: 'Set RecordFolder.',
  });
}
