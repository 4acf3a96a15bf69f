/** Files of a host here, by sftp. */
import { mkdir, stat } from 'node:fs/promises';
import {
  type FileAttributes,
  fileType,
  type GlobMatch,
  type SftpClient,
  SftpRefusal,
  toPathBytes,
} from '@nacre/ssh/sftp';
import { get, type TransferEvent, type TransferFailure } from '@nacre/ssh/transfer';
import { failureParts, systemWords } from '../files/failure-parts.ts';
import { type ScpContext, transferOptions } from './context.ts';
import { failureLines } from './failure-lines.ts';
import type { RemotePlace } from './place.ts';
import { findSources, settlePath } from './remote-path.ts';
import { joinName } from './to-remote.ts';
import { shown } from './words.ts';

/** Downloads one source of the command line: a path, or what a pattern matches. Failures are told. */
export async function copyToLocal(context: ScpContext, place: RemotePlace, target: string): Promise<void> {
  const { words, hosts, request } = context;
  const sftp = await hosts.sftp(place);
  const path = await settlePath(sftp, place.path, words);
  if (path === undefined) return;
  const matches = await findSources(sftp, path, words);
  if (matches.length === 0) return words.error(`${place.path}: No such file or directory`);
  const isFolder = await prepareTarget(context, target, matches.length > 1);
  if (isFolder === undefined) return;
  const download = new Download(context, sftp, place.path);
  const local = toPathBytes(target);
  for (const run of await runsOf(sftp, matches, request.recursive)) {
    const [first] = run;
    if (first === undefined) continue;
    const own = isFolder ? joinName(local, first.path) : local;
    if (first.isTree) await download.folder(first.path, own);
    // What is named in full is the person's own word: it may be a link here. What a pattern matched is the server's.
    else if (run.length === 1 && first.isNamed) await download.files([first.path], own, 'name');
    else if (isFolder)
      await download.files(
        run.map((one) => one.path),
        local,
        'folder',
      );
    else await download.files([first.path], local, 'name');
  }
}

/** Whether the target is a folder; made where several files need one. Undefined where it cannot be one, which is told. */
async function prepareTarget({ words }: ScpContext, target: string, isForMany: boolean): Promise<boolean | undefined> {
  const path = toPathBytes(target);
  const facts = await stat(path).catch(() => undefined);
  if (facts?.isDirectory()) return true;
  if (!isForMany) return false;
  if (facts !== undefined) {
    words.error(`Multiple files match pattern, but destination "${target}" is not a directory`);
    return undefined;
  }
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    words.error(`local mkdir "${target}": ${systemWords(code, message)}`);
    return undefined;
  }
}

interface Source {
  readonly path: Buffer;
  readonly isTree: boolean;
  readonly isNamed: boolean;
}

/** Folders each by itself, and the files between them together. */
export async function runsOf(sftp: SftpClient, matches: readonly GlobMatch[], recursive: boolean): Promise<Source[][]> {
  const sources = await Promise.all(
    matches.map(async ({ path, attributes }): Promise<Source> => {
      const isNamed = attributes === undefined;
      return { path, isNamed, isTree: recursive && (await leadsToFolder(sftp, path, attributes)) };
    }),
  );
  const runs: Source[][] = [];
  let open: Source[] | undefined;
  for (const source of sources) {
    if (open === undefined || source.isTree) {
      open = [];
      runs.push(open);
    }
    open.push(source);
    if (source.isTree) open = undefined;
  }
  return runs;
}

async function leadsToFolder(sftp: SftpClient, path: Buffer, known: FileAttributes | undefined): Promise<boolean> {
  const kind = known === undefined ? undefined : fileType(known);
  if (kind !== undefined && kind !== 'symlink') return kind === 'directory';
  try {
    return fileType(await sftp.stat(path)) === 'directory';
  } catch (error) {
    // The transfer will say what is wrong with it.
    if ((error as Error).cause instanceof SftpRefusal) return false;
    throw error;
  }
}

class Download {
  readonly #context: ScpContext;
  readonly #sftp: SftpClient;
  readonly #typedSource: string;

  constructor(context: ScpContext, sftp: SftpClient, typedSource: string) {
    this.#context = context;
    this.#sftp = sftp;
    this.#typedSource = typedSource;
  }

  async files(sources: readonly Buffer[], target: Buffer, targetIs: 'name' | 'folder'): Promise<void> {
    const { words } = this.#context;
    const failures: TransferFailure[] = [];
    const onEvent = (event: TransferEvent) => {
      if (event.type === 'failed') failures.push(event.failure);
    };
    const options = { ...transferOptions(this.#context, onEvent), recursive: false };
    await get(this.#sftp, sources, target, { ...options, targetIs });
    for (const failure of failures)
      words.error(...(await describeNamed(this.#sftp, failure, this.#typedSource, 'download')));
  }

  async folder(source: Buffer, target: Buffer): Promise<void> {
    const { words } = this.#context;
    const onEvent = (event: TransferEvent) => {
      if (event.type === 'skipped') words.info(`download "${shown(event.source)}": not a regular file`);
      if (event.type === 'failed') words.error(...failureLines('download', event.failure, false).lines);
    };
    const real = await this.#sftp.realpath(source);
    await get(this.#sftp, real.bytes, target, { ...transferOptions(this.#context, onEvent), targetIs: 'name' });
  }
}

/** A source that failed: whether it is missing or a link that leads nowhere has to be asked, and folders bear a slash. */
export async function describeNamed(
  sftp: SftpClient,
  failure: TransferFailure,
  typed: string,
  verb: 'download' | 'crossload',
): Promise<readonly string[]> {
  const { operation, code } = failureParts(failure.error);
  const { source } = failure;
  if (operation === 'stat') {
    const isThere = await sftp.lstat(source).then(
      () => true,
      () => false,
    );
    if (!isThere) return [`${typed}: No such file or directory`];
  }
  const isFolder = code === 'misuse' && fileType(await sftp.stat(source).catch(() => ({}))) === 'directory';
  const marked = isFolder && source.at(-1) !== 0x2f ? Buffer.concat([source, Buffer.from('/')]) : source;
  return failureLines(verb, { ...failure, source: marked }, true).lines;
}
