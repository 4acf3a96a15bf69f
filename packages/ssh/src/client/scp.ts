/** scpGet() and scpPut(): files and trees by the scp protocol, over a connection. */
import { type ClientSession, openSession } from '../connection/index.ts';
import { SshError } from '../errors.ts';
import { systemClock } from '../io/index.ts';
import { maxShownBytes } from '../limits.ts';
import {
  formatScpCommand,
  RateLimit,
  type RemotePathReading,
  requestedNames,
  runSink,
  runSource,
  type ScpCommandOptions,
  ScpPeer,
  type ScpProgress,
  type ScpSummary,
} from '../scp/index.ts';
import { printable } from '../wire/index.ts';
import type { ClientConnection } from './client-connection.ts';
import type { CallOptions } from './options.ts';
import { localScpFiles } from './scp-local-files.ts';

/** A path: text is UTF-8, bytes are taken as they are. */
export type ScpPath = string | Uint8Array;

export interface ScpOptions extends CallOptions {
  /** Folders too, with all that is in them. Links are followed. */
  readonly recursive?: boolean;
  /** Keep times and the whole mode; otherwise the umask counts and no file becomes setuid. */
  readonly preserve?: boolean;
  /** The target has to be a folder. It has to be with several sources in any case. */
  readonly targetIsFolder?: boolean;
  /**
   * What the shell at the other end makes of a remote path. Default `literal`; `wildcards` has it expand patterns; `shell` hands
   * the path over as it is, commands in it and all, which is what scp(1) does with its arguments.
   */
  readonly remotePaths?: RemotePathReading;
  /** Bytes a second. */
  readonly bytesPerSecond?: number;
  /** In place of `bytesPerSecond`: a limit that several transfers share. */
  readonly rateLimit?: RateLimit;
  /** The other end's scp tells what it does, on its stderr (`-v`). */
  readonly verbose?: boolean;
  readonly onProgress?: (progress: ScpProgress) => void;
  /**
   * Told of each file that failed, while the others go on. Without it the first such failure is what the call rejects with, once
   * everything else has arrived.
   */
  readonly onFailure?: (error: SshError) => void;
  /** What the other end writes to stderr: text of anybody's making. */
  readonly onStderr?: (chunk: Buffer) => void;
}

export interface ScpGetOptions extends ScpOptions {
  /** Take whatever names the server sends, asked for or not, and follow links inside folders anywhere (`-T`). */
  readonly trustNames?: boolean;
  /** Taken from the modes of new files, beside what this process's own umask takes. */
  readonly umask?: number;
}

/**
 * Fetches files by the scp protocol. Files are written in place, as scp does; a server may write nothing but what was asked for.
 *
 * @param sources - remote paths, from the home folder on where they are relative; one command each.
 * @param target - a local folder, or the name that a single source gets.
 * @returns how many files and bytes arrived.
 * @throws SshError stage `scp`, with the path of the file it was about; `request-refused` where the server runs no commands.
 * @example
 * await scpGet(server, 'logs', '.', { recursive: true, preserve: true });
 * await scpGet(server, 'logs/*.gz', '.', { remotePaths: 'wildcards' });
 */
export async function scpGet(
  connection: ClientConnection,
  sources: ScpPath | readonly ScpPath[],
  target: ScpPath,
  options: ScpGetOptions = {},
): Promise<ScpSummary> {
  const paths = toPaths(sources);
  const reading = options.remotePaths ?? 'literal';
  const targetIsFolder = options.targetIsFolder ?? paths.length > 1;
  const shared = shareLimit(options);
  const total = { files: 0, bytes: 0, failures: 0 };
  let first: SshError | undefined;
  const onFailure = (error: SshError) => {
    first ??= error;
    options.onFailure?.(error);
  };
  for (const path of paths) {
    const command = formatScpCommand({ ...flagsOf(options), role: 'source' }, path, reading);
    const names = options.trustNames ? undefined : requestedNames(path, reading === 'literal' ? 'literal' : 'pattern');
    const done = await converse(connection, command, options, (peer) =>
      runSink(peer, toBytes(target), localScpFiles, { ...options, ...shared, targetIsFolder, names, onFailure }),
    );
    total.files += done.files;
    total.bytes += done.bytes;
    total.failures += done.failures;
  }
  if (first !== undefined && options.onFailure === undefined) throw first;
  return total;
}

/**
 * Sends files by the scp protocol.
 *
 * @param sources - local paths; nothing in them is a wildcard.
 * @param target - a remote folder, or the name that a single source gets.
 * @returns how many files and bytes the server confirmed.
 * @throws SshError stage `scp`, with the path of the file it was about; `request-refused` where the server runs no commands.
 * @example
 * await scpPut(server, ['a.txt', 'b.txt'], 'inbox');
 */
export async function scpPut(
  connection: ClientConnection,
  sources: ScpPath | readonly ScpPath[],
  target: ScpPath,
  options: ScpOptions = {},
): Promise<ScpSummary> {
  const paths = toPaths(sources);
  const targetIsFolder = options.targetIsFolder ?? paths.length > 1;
  // An empty path is the home folder, as in `host:`; the other end's program calls that folder ".".
  const remote = toBytes(target).length === 0 ? Buffer.from('.') : toBytes(target);
  const flags = { ...flagsOf(options), role: 'sink', targetIsFolder } as const;
  const command = formatScpCommand(flags, remote, options.remotePaths ?? 'literal');
  let first: SshError | undefined;
  const onFailure = (error: SshError) => {
    first ??= error;
    options.onFailure?.(error);
  };
  const done = await converse(connection, command, options, (peer) =>
    runSource(peer, paths, localScpFiles, { ...options, ...shareLimit(options), onFailure }),
  );
  if (first !== undefined && options.onFailure === undefined) throw first;
  return done;
}

/** Runs the other end's scp and the conversation with it. Why it ended is told with its exit status and its words. */
async function converse(
  connection: ClientConnection,
  command: Buffer,
  options: ScpOptions,
  run: (peer: ScpPeer) => Promise<ScpSummary>,
): Promise<ScpSummary> {
  const session = await openSession(connection.connection, options);
  let said = Buffer.alloc(0);
  // It has to be read in any case: unread it would hold back everything else.
  session.stderr.on('data', (chunk: Buffer) => {
    if (said.length < maxShownBytes) said = Buffer.concat([said, chunk.subarray(0, maxShownBytes)]);
    options.onStderr?.(chunk);
  });
  session.stderr.on('error', () => {});
  const peer = new ScpPeer(session.stream, options);
  const close = () => session.close();
  options.signal?.addEventListener('abort', close, { once: true });
  try {
    await session.exec(command, options);
    const done = await run(peer);
    await requireGoodEnd(session, done, () => said);
    return done;
  } catch (error) {
    const failure = error as SshError;
    if (failure.code !== 'connection-lost' || failure.side !== 'peer') throw failure;
    // What it wrote to stderr is all here once it is known how it ended.
    const how = await howEnded(session);
    const reasons = [printable(said.toString('utf8').trim(), 'one'), how];
    const why = reasons.filter((reason) => reason !== undefined && reason !== '').join(', ');
    throw why === ''
      ? failure
      : new SshError(`${failure.message} (${why})`, { code: failure.code, stage: 'scp', side: 'peer', cause: failure });
  } finally {
    options.signal?.removeEventListener('abort', close);
    peer.release();
    session.close();
  }
}

/** A program that fails after all was said in good order had failures that we know of, or it tells one we do not know. */
async function requireGoodEnd(session: ClientSession, done: ScpSummary, said: () => Buffer): Promise<void> {
  session.stream.resume();
  const exit = await session.exit;
  const isGood = ('status' in exit && exit.status === 0) || 'neither' in exit;
  if (isGood || done.failures > 0) return;
  const words = printable(said().toString('utf8').trim(), 'one');
  const how = 'status' in exit ? `status ${exit.status}` : `signal ${exit.signal}`;
  throw new SshError(`scp at the other end failed with ${how}${words === '' ? '' : `: ${words}`}`, {
    code: 'operation-failed',
    stage: 'scp',
    side: 'peer',
  });
}

/** How long a server may take from the end of a program's output to saying how it ended. */
const exitWaitMs = 1000;

async function howEnded(session: ClientSession): Promise<string | undefined> {
  const late = new Promise<undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), exitWaitMs);
    const done = () => clearTimeout(timer);
    session.exit.then(done, done);
  });
  const exit = await Promise.race([session.exit.catch(() => undefined), late]);
  if (exit === undefined || 'neither' in exit) return undefined;
  return 'status' in exit ? `exit status ${exit.status}` : `signal ${exit.signal}`;
}

function flagsOf({ recursive, preserve, verbose }: ScpOptions): Omit<ScpCommandOptions, 'role'> {
  return { recursive, preserve, verbose };
}

function shareLimit({ rateLimit, bytesPerSecond }: ScpOptions): { rateLimit?: RateLimit } {
  if (rateLimit !== undefined) return { rateLimit };
  return bytesPerSecond === undefined ? {} : { rateLimit: new RateLimit(bytesPerSecond, systemClock) };
}

function toPaths(paths: ScpPath | readonly ScpPath[]): Buffer[] {
  const list = typeof paths === 'string' || paths instanceof Uint8Array ? [paths] : paths;
  return list.map(toBytes);
}

function toBytes(path: ScpPath): Buffer {
  return typeof path === 'string' ? Buffer.from(path, 'utf8') : Buffer.from(path);
}
