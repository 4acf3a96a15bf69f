/** Has the library copy a file or a tree, shows how far it is, and tells what went wrong. */
import { SshError } from '@nacre/ssh/errors';
import type { FileAttributes } from '@nacre/ssh/sftp';
import type { TransferEvent } from '@nacre/ssh/transfer';
import { baseName } from '../paths.ts';
import type { Session } from '../session.ts';
import type { Voice } from '../voice.ts';
import { describeTransfer } from '../words.ts';
import { type Manner, transferOptions } from './manner.ts';
import { besideMeter, startMeter } from './meter.ts';
import { type Tree, tellTreeEvent } from './tell-tree.ts';

/** One source and its target; neither is looked at for a folder to put it in. */
export interface Copy {
  readonly source: string;
  readonly target: string;
  readonly isUpload: boolean;
  readonly manner: Manner;
  /** What is known of a source on the server. */
  readonly attributes?: FileAttributes;
}

export async function copyFile(session: Session, copy: Copy, voice: Voice): Promise<boolean> {
  return run(session, { ...copy, manner: { ...copy.manner, isRecursive: false } }, voice, () => true);
}

/** @param source - a folder, which is copied with all that is in it into the target itself. */
export async function copyTree(session: Session, copy: Copy, shown: string, voice: Voice): Promise<boolean> {
  const given = copy.source.replace(/(?<=[^/])\/+$/, '');
  const tree: Tree = { isUpload: copy.isUpload, shown, given };
  let isGood = true;
  const hasRun = await run(session, { ...copy, source: given }, voice, (event, guarded) => {
    const isFine = tellTreeEvent(event, tree, guarded);
    if (!isFine) isGood = false;
    return isFine;
  });
  return hasRun && isGood;
}

async function run(
  session: Session,
  { source, target, isUpload, manner, attributes }: Copy,
  voice: Voice,
  tell: (event: TransferEvent, voice: Voice) => boolean,
): Promise<boolean> {
  const { get, put } = await import('@nacre/ssh/transfer');
  // Of files that go at the same time there is one meter, and the voice knows of it.
  const shared = manner.isRecursive ? undefined : session.meter;
  const own = session.showsProgress && shared === undefined ? await startMeter(manner.isRecursive) : undefined;
  const meter = shared ?? own;
  const guarded = own === undefined ? voice : besideMeter(voice, own);
  const options = {
    ...transferOptions(session, manner),
    continueOnError: manner.isRecursive,
    targetIs: 'name' as const,
    // As OpenSSH has it: what is made on a server gets the modes that it has here, whatever the umask there.
    folderModes: isUpload,
    onEvent: (event: TransferEvent) => {
      meter?.follow(event);
      if (!session.signal.aborted) tell(event, guarded);
    },
  };
  try {
    if (isUpload) await put(session.sftp, source, target, options);
    else await get(session.sftp, source, target, { ...options, attributes });
    return !session.signal.aborted;
  } catch (error) {
    // What is told already, and what an interruption brought down.
    const isTold = manner.isRecursive && error instanceof SshError && /^(?:get|put) "/.test(error.message);
    if (!session.signal.aborted && !isTold)
      guarded.complain(describeTransfer(error, { isUpload, local: isUpload ? source : target }));
    return false;
  } finally {
    own?.end();
  }
}

/** The last name of a source, to go into a folder. What names no file in one goes into the folder itself. */
export function nameInFolder(source: string): string {
  const name = baseName(source);
  return name === '/' || name === '..' ? '.' : name;
}
