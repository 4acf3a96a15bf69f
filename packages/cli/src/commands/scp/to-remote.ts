/** Local files to a host, by sftp. */
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { fileType, lastName, type SftpClient, SftpRefusal, toPathBytes } from '@nacre/ssh/sftp';
import { put, type TransferEvent } from '@nacre/ssh/transfer';
import { systemWords } from '../files/failure-parts.ts';
import { FatalError } from '../ssh/end.ts';
import { type ScpContext, transferOptions } from './context.ts';
import { failureLines } from './failure-lines.ts';
import type { RemotePlace } from './place.ts';
import { settlePath } from './remote-path.ts';
import { ScpEnd, shown } from './words.ts';

/**
 * Uploads sources, those that stand beside each other on the command line all at once.
 *
 * @throws FatalError where a source is not there: those before it are copied, those behind it are not.
 */
export async function copyToRemote(
  context: ScpContext,
  sources: readonly string[],
  target: RemotePlace,
): Promise<void> {
  const found: { readonly text: string; readonly facts: Stats }[] = [];
  let missing: FatalError | undefined;
  for (const text of sources) {
    try {
      found.push({ text, facts: await stat(toPathBytes(text)) });
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      missing = new FatalError(`stat local "${text}": ${systemWords(code, message)}`);
      break;
    }
  }
  const [first] = found;
  if (first === undefined) throw missing ?? new ScpEnd(0);
  const sftp = await context.hosts.sftp(target);
  const settled = await settlePath(sftp, target.path, context.words);
  if (settled === undefined) throw new ScpEnd(255);
  const isFolder = await prepareFolder(context, sftp, settled, first.facts);
  const upload = new Upload(context, sftp, target.path);
  for (const run of runsOf(found, context.request.recursive)) {
    const folder = run.find(({ facts }) => facts.isDirectory() && context.request.recursive);
    if (folder !== undefined) await upload.folder(folder.text, settled, isFolder);
    else
      await upload.files(
        run.map(({ text }) => text),
        settled,
        isFolder,
      );
  }
  if (missing !== undefined) throw missing;
}

/** Whether the target is a folder; where it has to be one, and nothing is there, it is made. */
async function prepareFolder(
  { request, words }: ScpContext,
  sftp: SftpClient,
  target: Buffer,
  { mode }: Stats,
): Promise<boolean> {
  if (await isFolderThere(sftp, target)) return true;
  if (!request.targetIsFolder) return false;
  try {
    await sftp.mkdir(target, { mode: (mode & 0o777) | 0o700 });
    return true;
  } catch (error) {
    const { cause } = error as Error;
    if (!(cause instanceof SftpRefusal)) throw error;
    words.error(`remote mkdir "${shown(target)}": ${cause.words}`);
    throw new ScpEnd(255);
  }
}

export async function isFolderThere(sftp: SftpClient, path: Buffer): Promise<boolean> {
  try {
    return fileType(await sftp.stat(path)) === 'directory';
  } catch (error) {
    if ((error as Error).cause instanceof SftpRefusal) return false;
    throw error;
  }
}

/** Folders each by itself, and the files between them together. */
function runsOf<T extends { readonly facts: Stats }>(items: readonly T[], recursive: boolean): T[][] {
  const runs: T[][] = [];
  let open: T[] | undefined;
  for (const item of items) {
    const isTree = recursive && item.facts.isDirectory();
    if (open === undefined || isTree) {
      open = [];
      runs.push(open);
    }
    open.push(item);
    if (isTree) open = undefined;
  }
  return runs;
}

class Upload {
  readonly #context: ScpContext;
  readonly #sftp: SftpClient;
  /** As it stands on the command line. */
  readonly #typedTarget: string;

  constructor(context: ScpContext, sftp: SftpClient, typedTarget: string) {
    this.#context = context;
    this.#sftp = sftp;
    this.#typedTarget = typedTarget;
  }

  async files(sources: readonly string[], target: Buffer, isFolder: boolean): Promise<void> {
    const { words } = this.#context;
    const onEvent = (event: TransferEvent) => {
      if (event.type !== 'failed') return;
      const { lines, isHarmless } = failureLines('upload', event.failure, true);
      for (const line of lines) words.info(line);
      if (!isHarmless) words.error(`failed to upload file ${shown(event.failure.source)} to ${this.#typedTarget}`);
    };
    const options = { ...transferOptions(this.#context, onEvent), recursive: false };
    await put(this.#sftp, sources.map(toPathBytes), target, { ...options, targetIs: isFolder ? 'folder' : 'name' });
  }

  async folder(source: string, target: Buffer, isInto: boolean): Promise<void> {
    const { words } = this.#context;
    let hasFailed = false;
    const onEvent = (event: TransferEvent) => {
      if (event.type === 'skipped') words.info(`${shown(lastName(event.source))}: not a regular file`);
      if (event.type !== 'failed') return;
      const { lines, isHarmless } = failureLines('upload', event.failure, false);
      for (const line of lines) words.info(line);
      hasFailed ||= !isHarmless;
    };
    const place = await this.#settle(isInto ? joinName(target, source) : target);
    if (place === undefined) hasFailed = true;
    else {
      const options = { ...transferOptions(this.#context, onEvent), folderModes: true, targetIs: 'name' } as const;
      await put(this.#sftp, toPathBytes(source), place, options);
    }
    if (hasFailed)
      words.error(`failed to upload directory ${source.replace(/(?<=.)\/+$/, '')} to ${this.#typedTarget}`);
  }

  /** The whole path of a folder, whose parent has to be there; undefined where it is not, which is told. */
  async #settle(path: Buffer): Promise<Buffer | undefined> {
    try {
      return (await this.#sftp.realpath(path)).bytes;
    } catch (error) {
      const { cause } = error as Error;
      if (!(cause instanceof SftpRefusal)) throw error;
      const { words } = this.#context;
      words.info(`realpath ${shown(path)}: ${cause.said || cause.words}`);
      words.info(`upload "${shown(path)}": path canonicalization failed`);
      return undefined;
    }
  }
}

/** A source's name in a folder; `.` and `..` are the folder itself, so that nothing is written beside it. */
export function joinName(folder: Buffer, source: string | Buffer): Buffer {
  const name = lastName(typeof source === 'string' ? toPathBytes(source) : source);
  if (name.length === 0 || (name.length < 3 && name.every((byte) => byte === 0x2e))) return folder;
  const gap = folder[folder.length - 1] === 0x2f ? '' : '/';
  return Buffer.concat([folder, Buffer.from(gap), name]);
}
