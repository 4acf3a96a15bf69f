/** Files of one host to another by way of this machine, by sftp. */
import { type SftpClient, SftpRefusal } from '@nacre/ssh/sftp';
import { copy, type TransferEvent, type TransferFailure } from '@nacre/ssh/transfer';
import { type ScpContext, transferOptions } from './context.ts';
import { failureLines } from './failure-lines.ts';
import type { RemotePlace } from './place.ts';
import { findSources, settlePath } from './remote-path.ts';
import { describeNamed, runsOf } from './to-local.ts';
import { isFolderThere, joinName } from './to-remote.ts';
import { ScpEnd, shown } from './words.ts';

/** Copies one source of the command line. Failures are told. */
export async function copyBetween(context: ScpContext, place: RemotePlace, target: RemotePlace): Promise<void> {
  const { words, hosts, request } = context;
  // The target first, as OpenSSH: it is what the person is asked about when both want a password.
  const to = await hosts.sftp(target);
  const from = await hosts.sftp(place);
  const targetPath = await settlePath(to, target.path, words);
  const path = targetPath && (await settlePath(from, place.path, words));
  if (targetPath === undefined || path === undefined) throw new ScpEnd(255);
  const matches = await findSources(from, path, words);
  if (matches.length === 0) return words.error(`${place.path}: No such file or directory`);
  const isFolder = await isFolderThere(to, targetPath);
  if (!isFolder && request.targetIsFolder) return words.error(`${target.path}: destination is not a directory`);
  if (!isFolder && matches.length > 1) {
    // OpenSSH would write all of them over each other.
    return words.error(`Multiple files match pattern, but destination "${target.path}" is not a directory`);
  }
  for (const run of await runsOf(from, matches, request.recursive)) {
    for (const source of run) {
      const own = isFolder ? joinName(targetPath, source.path) : targetPath;
      const paths = { source: source.path, target: own, typed: place.path };
      await (source.isTree ? copyFolder(context, from, to, paths) : copyFile(context, from, to, paths));
    }
  }
}

interface Paths {
  readonly source: Buffer;
  readonly target: Buffer;
  readonly typed: string;
}

async function copyFile(context: ScpContext, from: SftpClient, to: SftpClient, paths: Paths): Promise<void> {
  const { source, target, typed } = paths;
  const failures: TransferFailure[] = [];
  const onEvent = (event: TransferEvent) => {
    if (event.type === 'failed') failures.push(event.failure);
  };
  const options = { ...transferOptions(context, onEvent), recursive: false, targetIs: 'name' } as const;
  await copy(from, source, to, target, options);
  for (const failure of failures) context.words.error(...(await describeNamed(from, failure, typed, 'crossload')));
}

async function copyFolder(context: ScpContext, from: SftpClient, to: SftpClient, paths: Paths): Promise<void> {
  const { words } = context;
  const onEvent = (event: TransferEvent) => {
    if (event.type === 'skipped') words.info(`origin "${shown(event.source)}": not a regular file`);
    if (event.type !== 'failed') return;
    const { lines, isHarmless } = failureLines('crossload', event.failure, false);
    for (const line of lines) words.info(line);
    if (!isHarmless) words.fail();
  };
  let real: Buffer;
  try {
    real = (await from.realpath(paths.source)).bytes;
  } catch (error) {
    const { cause } = error as Error;
    if (!(cause instanceof SftpRefusal)) throw error;
    return words.error(`crossload "${shown(paths.source)}": path canonicalization failed`);
  }
  const options = { ...transferOptions(context, onEvent), folderModes: true, targetIs: 'name' } as const;
  await copy(from, real, to, paths.target, options);
}
