/** What scp says of a file that failed in a transfer by sftp: OpenSSH's lines for uploads, downloads, and copies between hosts. */

import { statusCodes } from '@nacre/ssh/sftp';
import type { TransferFailure } from '@nacre/ssh/transfer';
import { type FailureParts, failureParts } from '../files/failure-parts.ts';
import { shown } from './words.ts';

export interface FailureLines {
  readonly lines: readonly string[];
  /** It was a file of a tree, or one that was named; the others are folders, and links that lead nowhere. */
  readonly isFile: boolean;
  /** Only told: the file is there all the same. */
  readonly isHarmless: boolean;
}

interface Facts extends FailureParts {
  readonly from: string;
  readonly to: string;
  /** What was refused was asked about the target. */
  readonly isOfTarget: boolean;
}

type Describe = (facts: Facts) => readonly [string[], boolean];

export type TransferVerb = 'upload' | 'download' | 'crossload';

/** @param isRoot - what failed was named on the command line, or is what a pattern there matched. */
export function failureLines(verb: TransferVerb, failure: TransferFailure, isRoot: boolean): FailureLines {
  const parts = failureParts(failure.error);
  const [from, to] = [shown(failure.source), shown(failure.target)];
  const [told, isFile] = (isRoot ? (namedOnly[verb](parts, from) ?? describe[verb]) : describe[verb])({
    ...parts,
    from,
    to,
    isOfTarget: parts.path?.equals(failure.target) === true && !failure.source.equals(failure.target),
  });
  const lines = isFile && !isRoot ? [...told, endings[verb](from, to)] : told;
  // A device has no length that could be set.
  const isHarmless = parts.operation === 'fsetstat' && parts.code === statusCodes.badMessage;
  return { lines: isHarmless ? told : lines, isFile, isHarmless };
}

/** What is said behind the reason, of a file in a tree. */
const endings: Readonly<Record<TransferVerb, (from: string, to: string) => string>> = {
  upload: (from, to) => `upload "${from}" to "${to}" failed`,
  download: (from, to) => `Download of file ${from} to ${to} failed`,
  crossload: (from, to) => `crossload "${from}" to "${to}" failed`,
};

/** Sources that are no files, and folders where -r is missing. */
const namedOnly: Readonly<Record<TransferVerb, (parts: FailureParts, from: string) => Describe | undefined>> = {
  upload: ({ code }) =>
    code === 'misuse' ? ({ from }) => [[`local "${from}" is not a regular file`], true] : undefined,
  download: ({ code, operation }) => {
    if (code === 'misuse') return ({ from }) => [[`download ${from}: not a regular file`], true];
    return operation === 'stat' ? ({ words }) => [[`stat remote: ${words}`], true] : undefined;
  },
  crossload: ({ code, operation }) => {
    if (code === 'misuse') return ({ from }) => [[`download "${from}": not a regular file`], true];
    return operation === 'stat' ? ({ words }) => [[`stat remote: ${words}`], true] : undefined;
  },
};

const describe: Readonly<Record<TransferVerb, Describe>> = {
  upload(facts) {
    const { at, operation, words, from } = facts;
    if (at === 'local') {
      if (operation === 'opendir' || operation === 'scandir') return [[`local opendir "${from}": ${words}`], false];
      if (operation === 'stat' || operation === 'lstat') {
        return [[`local ${operation} "${from.slice(from.lastIndexOf('/') + 1)}": ${words}`], false];
      }
      return [[`${operation} local "${from}": ${words}`], true];
    }
    return written(facts) ?? [[`"${from}": ${words}`], false];
  },
  download(facts) {
    const { at, operation, words, code, from, to } = facts;
    if (at === 'local') {
      if (operation === 'mkdir') return [[`mkdir ${to}: ${words}`], false];
      const call = localCalls[operation];
      const isFolder = operation === 'chmod' || operation === 'lutime';
      const hint = code === 'ELOOP' ? [`"${to}" is a link; with -T it is written through`] : [];
      return [[call?.(to, words) ?? `${operation} local "${to}": ${words}`, ...hint], !isFolder];
    }
    return read(facts, 'remote') ?? [[`"${from}": ${words}`], false];
  },
  crossload(facts) {
    const { isOfTarget, words, from } = facts;
    return (isOfTarget ? undefined : read(facts, 'origin')) ?? written(facts) ?? [[`"${from}": ${words}`], false];
  },
};

const localCalls: Readonly<Record<string, (path: string, words: string) => string>> = {
  ftruncate: (path, words) => `local ftruncate "${path}": ${words}`,
  fchmod: (path, words) => `local chmod "${path}": ${words}`,
  chmod: (path, words) => `local chmod directory "${path}": ${words}`,
  futime: (path, words) => `local set times "${path}": ${words}`,
  lutime: (path, words) => `local set times on "${path}": ${words}`,
};

/** A server that is read from. */
function read({ at, operation, words, from }: Facts, name: string): ReturnType<Describe> | undefined {
  if (at !== 'remote') return undefined;
  switch (operation) {
    case 'open':
      return [[`${name} open "${from}": ${words}`], true];
    case 'read':
      return [[`read ${name} "${from}" : ${words}`], true];
    case 'opendir':
    case 'readdir':
      return [[`remote readdir("${from}"): ${words}`, `${name} readdir "${from}" failed`], false];
    case 'stat':
    case 'lstat':
    case 'realpath':
      return [[`remote stat "${from}" failed`], false];
    default:
      return undefined;
  }
}

/** A server that is written to. */
function written({ at, operation, words, code, to }: Facts): ReturnType<Describe> | undefined {
  if (at !== 'remote') return undefined;
  switch (operation) {
    case 'mkdir': {
      // Of a file that is in the way servers say "failure".
      const isTaken = code === statusCodes.failure;
      return [[isTaken ? `"${to}" exists but is not a directory` : 'stat remote: No such file or directory'], false];
    }
    case 'open':
      return [[`dest open "${to}": ${words}`], true];
    case 'write':
      return [[`write remote "${to}": ${words}`], true];
    case 'fsetstat':
      return [[`remote fsetstat: ${words}`], true];
    case 'setstat':
      return [[`remote setstat "${to}": ${words}`], false];
    default:
      return [[`${operation} remote "${to}": ${words}`], true];
  }
}
