/** get, mget and reget: files of the server come here. */
import { statSync } from 'node:fs';
import { fileType, toPathBytes, toText } from '@nacre/ssh/sftp';
import { questionOf } from '../ahead.ts';
import { joinNames } from '../paths.ts';
import { findMatches, type Match } from '../remote-glob.ts';
import type { Session } from '../session.ts';
import { doInOrder } from '../transfers/in-order.ts';
import { type Manner, mannerOf, transferFlags } from '../transfers/manner.ts';
import { copyFile, copyTree, nameInFolder } from '../transfers/run.ts';
import { tooLong } from '../transfers/tell-tree.ts';
import type { Voice } from '../voice.ts';
import { reasonOf } from '../words.ts';
import type { Call, Verb } from './verb.ts';

export const get: Verb = {
  names: ['get', 'mget'],
  flags: transferFlags,
  completes: ['remote', 'local'],
  check: needsSource,
  asksFirst: ({ words: [source] }) => questionOf('lstat', source?.pattern),
  run: (session, call) => fetchTyped(session, call, false),
};

export const reget: Verb = {
  names: ['reget'],
  flags: transferFlags,
  completes: ['remote', 'local'],
  check: needsSource,
  asksFirst: ({ words: [source] }) => questionOf('lstat', source?.pattern),
  run: (session, call) => fetchTyped(session, call, true),
};

export function needsSource({ name, words }: Call): string | undefined {
  return words.length < 1 ? `You must specify at least one path after a ${name} command.` : undefined;
}

function fetchTyped(session: Session, { flags, words: [source, target] }: Call, resumes: boolean): Promise<boolean> {
  return fetchMatches(session, source?.pattern ?? '', target?.text, mannerOf(session, flags, resumes));
}

/** Files that are not larger go many at a time. */
export const smallBytes = 256 * 1024;

export async function fetchMatches(
  session: Session,
  typed: string,
  target: string | undefined,
  manner: Manner,
): Promise<boolean> {
  const { voice, settings } = session;
  const pattern = await session.absolutePattern(typed);
  const matches = await findMatches(session, pattern, true);
  if (matches.length === 0) {
    voice.complain(`File "${pattern}" not found.`);
    return false;
  }
  const isFolder = target !== undefined && isLocalFolder(target);
  if (matches.length > 1 && target !== undefined && !isFolder) {
    voice.complain(`Multiple source paths, but destination "${target}" is not a directory`);
    return false;
  }
  const jobs = matches.map((match) => {
    const name = nameInFolder(match.path);
    const local = target === undefined ? name : isFolder ? joinNames(target, name) : target;
    return {
      isSmall: !match.path.endsWith('/') && (match.attributes.size ?? Number.POSITIVE_INFINITY) <= smallBytes,
      target: local,
      work: (heard: Voice) => {
        if (!settings.isQuiet) heard.say(`${manner.resumes ? 'Resuming' : 'Fetching'} ${match.path} to ${local}`);
        return fetchOne(session, match, local, manner, heard);
      },
    };
  });
  return doInOrder(session, jobs);
}

async function fetchOne(
  session: Session,
  { path, attributes }: Match,
  target: string,
  manner: Manner,
  voice: Voice,
): Promise<boolean> {
  if (path.endsWith('/') && manner.isRecursive) return fetchTree(session, path, target, manner, voice);
  const { sftp, signal } = session;
  let there = attributes;
  if (fileType(there) === 'symlink') {
    // The search has looked where it leads, and found nothing there.
    try {
      there = await sftp.stat(path, { signal });
    } catch (error) {
      if (!signal.aborted) voice.complain(`stat remote: ${reasonOf(error)}`);
      return false;
    }
  }
  const type = fileType(there);
  if (type !== undefined && type !== 'file') {
    voice.complain(`download ${path}: not a regular file`);
    return false;
  }
  const verdict = manner.resumes ? judgeTarget(path, target, there.size) : undefined;
  if (verdict !== undefined) {
    if (!verdict.isFine) voice.complain(verdict.words);
    else voice.inform(verdict.words);
    return verdict.isFine;
  }
  return copyFile(session, { source: path, target, isUpload: false, manner, attributes: there }, voice);
}

/** What the file here means for a transfer that is to go on with it: nothing, or its end. */
function judgeTarget(
  source: string,
  target: string,
  size: number | undefined,
): { isFine: boolean; words: string } | undefined {
  const there = statSync(toPathBytes(target), { throwIfNoEntry: false });
  if (there === undefined || size === undefined || there.size < size) return undefined;
  if (there.size === size) return { isFine: true, words: `File "${target}" was not modified` };
  return { isFine: false, words: tooLong(false, source) };
}

async function fetchTree(
  session: Session,
  path: string,
  target: string,
  manner: Manner,
  voice: Voice,
): Promise<boolean> {
  let real: string;
  try {
    real = toText((await session.sftp.realpath(path, { signal: session.signal })).bytes);
  } catch (error) {
    voice.complain(`realpath ${path}: ${reasonOf(error)}`);
    voice.complain(`download "${path}": path canonicalization failed`);
    return false;
  }
  return copyTree(session, { source: real, target, isUpload: false, manner }, real, voice);
}

function isLocalFolder(path: string): boolean {
  try {
    return statSync(toPathBytes(path)).isDirectory();
  } catch {
    return false;
  }
}
