/** How files are to be copied: what the program's flags say, and those of the command. */
import type { TransferOptions } from '@nacre/ssh/transfer';
import { isForcedOff } from '../../../os/fast-paths.ts';
import type { Session } from '../session.ts';

export interface Manner {
  readonly isRecursive: boolean;
  readonly preserves: boolean;
  readonly resumes: boolean;
  readonly flushes: boolean;
}

export const transferFlags = 'afpPrR';

export function mannerOf({ settings }: Session, flags: ReadonlySet<string>, resumes: boolean): Manner {
  return {
    isRecursive: flags.has('r') || flags.has('R') || settings.recursive,
    preserves: flags.has('p') || flags.has('P') || settings.preserve,
    resumes: resumes || flags.has('a') || settings.resume,
    flushes: flags.has('f') || settings.flush,
  };
}

/** Requests under way at once where only their size is given, as in OpenSSH. */
const usualRequests = 64;

export function transferOptions({ sftp, settings, signal }: Session, manner: Manner): TransferOptions {
  const { requests, requestBytes, bytesPerSecond } = settings;
  const isTuned = requests !== undefined || requestBytes !== undefined;
  return {
    signal,
    ...(!isForcedOff('NACRE_LOCAL_FILES') && { blocking: 'while-quick' as const }),
    recursive: manner.isRecursive,
    preserve: manner.preserves,
    flush: manner.flushes,
    ...(manner.resumes && { resume: 'length' as const }),
    ...(isTuned && { maxWindowBytes: (requests ?? usualRequests) * sftp.limits.readBytes }),
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
  };
}
