/** put, mput and reput: files from here go to the server. */
import { type Stats, statSync } from 'node:fs';
import { type FileAttributes, fileType, toPathBytes } from '@nacre/ssh/sftp';
import { questionOf } from '../ahead.ts';
import { findLocalMatches } from '../local-glob.ts';
import { joinNames } from '../paths.ts';
import type { Session } from '../session.ts';
import { doInOrder } from '../transfers/in-order.ts';
import { type Manner, mannerOf, transferFlags } from '../transfers/manner.ts';
import { copyFile, copyTree, nameInFolder } from '../transfers/run.ts';
import { notResumed } from '../transfers/tell-tree.ts';
import type { Voice } from '../voice.ts';
import { localReason, reasonOf } from '../words.ts';
import { needsSource, smallBytes } from './get.ts';
import type { Call, Verb } from './verb.ts';

export const put: Verb = {
  names: ['put', 'mput'],
  flags: transferFlags,
  completes: ['local', 'remote'],
  check: needsSource,
  asksFirst: ({ words: [, target] }) => questionOf('stat', target?.text),
  run: (session, call) => sendTyped(session, call, false),
};

export const reput: Verb = {
  names: ['reput'],
  flags: transferFlags,
  completes: ['local', 'remote'],
  check: needsSource,
  asksFirst: ({ words: [, target] }) => questionOf('stat', target?.text),
  run: (session, call) => sendTyped(session, call, true),
};

async function sendTyped(session: Session, { flags, words }: Call, resumes: boolean): Promise<boolean> {
  const [source, target] = words;
  const { voice, settings } = session;
  const manner = mannerOf(session, flags, resumes);
  const folder = target === undefined ? undefined : await session.absolute(target.text);
  const matches = findLocalMatches(source?.pattern ?? '');
  const isFolder = folder === undefined || (await isRemoteFolder(session, folder));
  if (matches.length > 1 && !isFolder) {
    voice.complain(`Multiple paths match, but destination "${folder}" is not a directory`);
    return false;
  }
  const jobs = [];
  for (const path of matches) {
    const facts = statLocal(path);
    const remote = isFolder ? joinNames(folder ?? session.folder, nameInFolder(path)) : folder;
    jobs.push({
      isSmall: facts instanceof Error || (facts.isFile() && facts.size <= smallBytes),
      target: remote,
      work: async (heard: Voice) => {
        if (facts instanceof Error) {
          heard.complain(`stat ${path}: ${localReason(facts)}`);
          return false;
        }
        if (!settings.isQuiet) heard.say(`${manner.resumes ? 'Resuming upload of' : 'Uploading'} ${path} to ${remote}`);
        return sendOne(session, path, facts, remote, manner, heard);
      },
    });
  }
  return doInOrder(session, jobs);
}

async function sendOne(
  session: Session,
  source: string,
  facts: Stats,
  target: string,
  manner: Manner,
  voice: Voice,
): Promise<boolean> {
  if (facts.isDirectory() && manner.isRecursive) {
    if (await isInTheWay(session, target)) {
      voice.say(`Entering ${source}`);
      voice.complain(`"${target}" exists but is not a directory`);
      return false;
    }
    return copyTree(session, { source, target, isUpload: true, manner }, source, voice);
  }
  if (!facts.isFile()) {
    voice.complain(`local "${source}" is not a regular file`);
    return false;
  }
  if (manner.resumes && !(await canResume(session, source, facts.size, target, voice))) return false;
  return copyFile(session, { source, target, isUpload: true, manner }, voice);
}

/** Whether there is a beginning of the file. */
async function canResume({ sftp, signal }: Session, source: string, size: number, target: string, voice: Voice) {
  let there: FileAttributes;
  try {
    there = await sftp.stat(target, { signal });
  } catch (error) {
    if (!signal.aborted) voice.complain(`stat remote: ${reasonOf(error)}`);
    return false;
  }
  if ((there.size ?? 0) < size) return true;
  voice.complain(notResumed(source));
  return false;
}

function statLocal(path: string): Stats | Error {
  try {
    return statSync(toPathBytes(path));
  } catch (error) {
    return error as Error;
  }
}

/** Something that is no folder has the name that a folder is to get. */
async function isInTheWay({ sftp, signal }: Session, path: string): Promise<boolean> {
  const there = await sftp.stat(path, { signal }).catch(() => undefined);
  const type = there === undefined ? undefined : fileType(there);
  return type !== undefined && type !== 'directory';
}

async function isRemoteFolder(session: Session, path: string): Promise<boolean> {
  try {
    return fileType(await session.look('stat', path)) === 'directory';
  } catch (error) {
    reasonOf(error);
    return false;
  }
}
