/** get, put and copy: transfers between here and a server, and between servers. */
import { SshError } from '../../errors.ts';
import {
  expandGlob,
  type FileAttributes,
  joinPath,
  lastName,
  type SftpClient,
  type SftpPath,
  toPathBytes,
} from '../../sftp/index.ts';
import { printable } from '../../wire/index.ts';
import { LocalSide } from './local-side.ts';
import { factsOf } from './remote-attributes.ts';
import { RemoteSide } from './remote-side.ts';
import type { Root } from './run.ts';
import { Session } from './session.ts';
import type { Facts, SourceSide, TargetSide } from './side.ts';
import { type Clients, type StartInit, sessionsOf, start } from './start.ts';
import type { ReconnectOptions, TransferOptions, TransferReport } from './types.ts';

/** One path, or several. */
type Paths = SftpPath | readonly SftpPath[];

interface GlobOptions {
  /** The sources are patterns: `*`, `?`, `[…]`. One that matches nothing is an error. Default false. */
  readonly glob?: boolean;
}

interface KnownSource {
  /** What a listing has told of the one source, or of what it leads to: it is not asked for again. */
  readonly attributes?: FileAttributes | undefined;
}

/**
 * Copies files of a server here.
 *
 * @param local - where to: a folder that is there takes the files under their own names, as do all names that end with a slash; else
 *   it is the name that the file or the folder gets.
 * @returns what was done. Unless `continueOnError` is set a failure stops the transfer and is thrown: its text names the file and what
 *   there is of it, which a later call with `resume` goes on with.
 * @throws SshError
 * @example
 * await get(sftp, 'backups/2026', './restored', {
 *   recursive: true,
 *   onEvent: (event) => event.type === 'progress' && console.log(event.total.bytesPerSecond),
 * });
 */
export async function get(
  sftp: Clients,
  remote: Paths,
  local: SftpPath,
  options: TransferOptions & ReconnectOptions & GlobOptions & KnownSource = {},
): Promise<TransferReport> {
  const sessions = sessionsOf(sftp, options.reconnect);
  return transfer('get', sessions, options, remote, local, (budget, signal) => [
    new RemoteSide(sessions, budget, signal),
    new LocalSide(options),
  ]);
}

/**
 * Copies local files to a server; the counterpart of `get`, with the same rules.
 *
 * @throws SshError
 * @example
 * await put(sftp, ['a.txt', 'b.txt'], 'inbox/', { preserve: true });
 */
export async function put(
  sftp: Clients,
  local: Paths,
  remote: SftpPath,
  options: TransferOptions & ReconnectOptions = {},
): Promise<TransferReport> {
  const sessions = sessionsOf(sftp, options.reconnect);
  return transfer('put', sessions, options, local, remote, (budget, signal) => [
    new LocalSide(options),
    new RemoteSide(sessions, budget, signal),
  ]);
}

/**
 * Copies from one server to another; the bytes come by way of here, and are not kept. For copies within one server `sftp.fs.copyFile`
 * has the server do it, where that can.
 *
 * @throws SshError
 * @example
 * await copy(oldServer, '/srv/data', newServer, '/srv/', { recursive: true, preserve: true });
 */
export async function copy(
  from: SftpClient,
  source: Paths,
  to: SftpClient,
  target: SftpPath,
  options: TransferOptions &
    GlobOptions & {
      readonly reconnectSource?: ReconnectOptions['reconnect'];
      readonly reconnectTarget?: ReconnectOptions['reconnect'];
    } = {},
): Promise<TransferReport> {
  const first = new Session(from, options.reconnectSource);
  const second = from === to ? first : new Session(to, options.reconnectTarget);
  const sessions = first === second ? [first] : [first, second];
  return transfer('copy', sessions, options, source, target, (budget, signal) => [
    new RemoteSide([first], budget, signal),
    new RemoteSide([second], budget, signal),
  ]);
}

function transfer(
  verb: string,
  sessions: readonly Session[],
  options: TransferOptions & GlobOptions & KnownSource,
  sources: Paths,
  target: SftpPath,
  makeSides: StartInit['makeSides'],
): Promise<TransferReport> {
  return start({
    verb,
    sessions,
    lanes: verb === 'copy' ? 1 : sessions.length,
    options,
    makeSides,
    findRoots: async (from, to, signal) => {
      const paths = await expand(sources, options.glob ? sessions[0]?.client : undefined, signal);
      return plan(from, to, paths, toPathBytes(target), verb, options);
    },
  });
}

async function expand(sources: Paths, globbing: SftpClient | undefined, signal: AbortSignal): Promise<Buffer[]> {
  const list = Array.isArray(sources) ? (sources as readonly SftpPath[]) : [sources as SftpPath];
  if (globbing === undefined) return list.map(toPathBytes);
  const found: Buffer[] = [];
  for (const pattern of list) {
    const matches = await expandGlob(globbing, pattern, { signal });
    if (matches.length === 0) {
      throw new SshError(`nothing matches "${printable(toPathBytes(pattern), 'one')}"`, {
        code: 'no-such-file',
        stage: 'sftp',
      });
    }
    found.push(...matches.map(({ path }) => path));
  }
  return found;
}

/** Where each source goes. The folder is the caller's own word always; only the last name may come from a listing. */
async function plan(
  from: SourceSide,
  to: TargetSide,
  sources: readonly Buffer[],
  target: Buffer,
  verb: string,
  { targetIs, continueOnError, attributes }: TransferOptions & KnownSource,
): Promise<Root[]> {
  const isInto = targetIs === undefined ? await isFolder(to, sources, target, verb) : targetIs === 'folder';
  if (targetIs === 'name' && sources.length > 1) {
    throw new SshError(`${verb}: one name for several sources`, { code: 'misuse', stage: 'sftp' });
  }
  const told = attributes === undefined || sources.length > 1 ? undefined : factsOf(attributes);
  const facts = await Promise.all(
    sources.map(async (source): Promise<Facts | SshError> => {
      try {
        // Of a link it is what it leads to that counts, and without a size nothing ends where it should.
        const isEnough = told?.kind === 'file' && told.size !== undefined;
        return isEnough ? told : await from.stat(source);
      } catch (error) {
        if (continueOnError && error instanceof SshError) return error;
        throw error;
      }
    }),
  );
  return sources.map((source, index): Root => {
    const known = facts[index] as Facts | SshError;
    const name = lastName(source);
    const isPlain = name.length > 0 && !(name.length < 3 && name.every((byte) => byte === 0x2e));
    if (!isInto || !isPlain) return { source, target, facts: known, isNamed: true };
    to.requireName(name);
    return { source, target: joinPath(target, name), facts: known, isNamed: false };
  });
}

async function isFolder(to: TargetSide, sources: readonly Buffer[], target: Buffer, verb: string): Promise<boolean> {
  const endsWithSlash = target[target.length - 1] === 0x2f;
  const there = await to.stat(target).catch((error: unknown) => {
    if (error instanceof SshError && error.code === 'no-such-file') return undefined;
    throw error;
  });
  if (there?.kind === 'directory') return true;
  if (sources.length > 1 || (endsWithSlash && there !== undefined)) {
    throw new SshError(`${verb}: "${printable(target, 'one')}" is no folder`, { code: 'misuse', stage: 'sftp' });
  }
  return false;
}
