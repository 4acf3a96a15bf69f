/** What is told of a tree while it is copied, in OpenSSH's words. */
import { toText } from '@nacre/ssh/sftp';
import type { TransferEvent, TransferFailure } from '@nacre/ssh/transfer';
import { baseName } from '../paths.ts';
import type { Voice } from '../voice.ts';
import { describeTransfer } from '../words.ts';

export interface Tree {
  readonly isUpload: boolean;
  /** Its folder as it is told, and as the transfer was given it: with `/.` behind. */
  readonly shown: string;
  readonly given: string;
}

/** @returns false for what makes the transfer a failure. */
export function tellTreeEvent(event: TransferEvent, tree: Tree, voice: Voice): boolean {
  switch (event.type) {
    case 'folder':
      voice.say(`${tree.isUpload ? 'Entering' : 'Retrieving'} ${shownPath(toText(event.source), tree)}`);
      return true;
    case 'skipped':
      return tellSkipped(event, tree, voice);
    case 'failed':
      tellFailure(event.failure, tree, voice);
      return false;
    default:
      return true;
  }
}

function tellSkipped(event: TransferEvent & { type: 'skipped' }, tree: Tree, voice: Voice): boolean {
  const source = shownPath(toText(event.source), tree);
  if (event.reason === 'link' || event.reason === 'special') {
    voice.inform(
      tree.isUpload ? `${baseName(source)}: not a regular file` : `download "${source}": not a regular file`,
    );
    return true;
  }
  const target = toText(event.target);
  if (!tree.isUpload) {
    voice.inform(`File "${target}" was not modified`);
    return true;
  }
  voice.complain(notResumed(source));
  voice.complain(`upload "${source}" to "${target}" failed`);
  return false;
}

function tellFailure({ source: bytes, target: targetBytes, error }: TransferFailure, tree: Tree, voice: Voice): void {
  const source = shownPath(toText(bytes), tree);
  const target = toText(targetBytes);
  const isLonger = /is longer than the source \(/.test(error.message);
  const { isUpload } = tree;
  const words = isLonger
    ? tooLong(isUpload, source)
    : describeTransfer(error, { isUpload, local: isUpload ? source : target });
  voice.complain(words);
  if (/^remote readdir/.test(words)) voice.complain(`remote readdir "${source}" failed`);
  else if (!/^(?:local opendir|(?:remote )?mkdir) /.test(words)) {
    voice.complain(
      tree.isUpload ? `upload "${source}" to "${target}" failed` : `Download of file ${source} to ${target} failed`,
    );
  }
}

export function notResumed(source: string): string {
  return `resume "${source}": destination file same size or larger`;
}

export function tooLong(isUpload: boolean, source: string): string {
  return isUpload ? notResumed(source) : `Unable to resume download of "${source}": local file is larger than remote`;
}

/** The folder itself is told as it was typed. */
function shownPath(path: string, { shown, given }: Tree): string {
  return path === given ? shown : path;
}
