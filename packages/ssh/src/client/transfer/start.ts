/** Begins a transfer: its sessions, its bounds, and its end by a signal. */
import { setMaxListeners } from 'node:events';
import { SshError } from '../../errors.ts';
import { Budget, type SftpClient } from '../../sftp/index.ts';
import { type Root, Run } from './run.ts';
import { Session } from './session.ts';
import type { SourceSide, TargetSide } from './side.ts';
import type { Survey, SurveyTools } from './survey.ts';
import type { ReconnectOptions, TransferOptions, TransferReport } from './types.ts';

/**
 * A session, or several of one server: files take turns in them. OpenSSH's servers let 2 MiB be under way to them in each channel, so on
 * a long path several channels, or connections, carry more.
 */
export type Clients = SftpClient | readonly [SftpClient, ...SftpClient[]];

/** Of all sessions together: what is under way may come to lie in memory here. */
const mostBytes = 24 * 1024 * 1024;
/** Of a server that does not tell how many files it holds open; and of one that does. */
const carefulMaxFiles = 64;
const mostFiles = 256;
/** Handles that are left to others in the session, and to listings. */
const sparedHandles = 16;

export interface StartInit {
  /** For errors: `get`, `put`. */
  readonly verb: string;
  readonly sessions: readonly Session[];
  /** Sessions that files take turns in. */
  readonly lanes: number;
  readonly options: TransferOptions;
  readonly makeSides: (budget: Budget, signal: AbortSignal) => readonly [SourceSide, TargetSide];
  readonly findRoots: (from: SourceSide, to: TargetSide, signal: AbortSignal) => Promise<readonly Root[]>;
  readonly makeSurvey?: (from: SourceSide, to: TargetSide, tools: SurveyTools) => Survey;
}

export async function start(init: StartInit): Promise<TransferReport> {
  const { verb, sessions, lanes, options, makeSides, findRoots, makeSurvey } = init;
  const { signal, maxWindowBytes = Number.POSITIVE_INFINITY } = options;
  const controller = new AbortController();
  // Each file under way may listen to it; Node would take more than ten for a leak.
  setMaxListeners(0, controller.signal);
  const onAbort = () => {
    const cause: unknown = signal?.reason;
    controller.abort(new SshError(`${verb}: the transfer was aborted`, { code: 'aborted', stage: 'sftp', cause }));
  };
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  const windowBytes = () =>
    Math.min(
      maxWindowBytes,
      mostBytes,
      sessions.reduce((sum, { client }) => sum + client.windowBytes, 0),
    );
  const [from, to] = makeSides(new Budget(windowBytes), controller.signal);
  const run = new Run({
    source: from,
    target: to,
    sessions,
    options,
    now: () => performance.now(),
    controller,
    verb,
    windowBytes,
    lanes,
    // Asked for again and again: a server may tell only later how many it holds open.
    maxFiles: () =>
      options.maxFiles ?? Math.min(...sessions.map(({ client }) => maxFilesOf(client.limits.openHandles))),
    survey: makeSurvey && ((tools) => makeSurvey(from, to, tools)),
  });
  try {
    controller.signal.throwIfAborted();
    return await run.transfer(await findRoots(from, to, controller.signal));
  } catch (error) {
    throw controller.signal.aborted && signal?.aborted ? controller.signal.reason : error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

export function sessionsOf(clients: Clients, reconnect: ReconnectOptions['reconnect']): [Session, ...Session[]] {
  const [first, ...others] = Array.isArray(clients)
    ? (clients as readonly [SftpClient, ...SftpClient[]])
    : [clients as SftpClient];
  return [new Session(first, reconnect), ...others.map((client) => new Session(client, reconnect))];
}

function maxFilesOf(handles: number | undefined): number {
  return handles === undefined ? carefulMaxFiles : Math.max(1, Math.min(mostFiles, handles - sparedHandles));
}
