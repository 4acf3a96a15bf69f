/** Changing what the server knows of files. */
import type { FileAttributes } from '@nacre/ssh/sftp';
import type { Session } from './session.ts';
import type { Voice } from './voice.ts';
import { reasonOf } from './words.ts';

/** @param isOfLink - of a link itself, and not of what it leads to. */
export async function setAttributes(
  { sftp, signal }: Session,
  voice: Voice,
  path: string,
  attributes: FileAttributes,
  isOfLink: boolean,
): Promise<boolean> {
  if (isOfLink && !sftp.extensions.has('lsetstat@openssh.com')) {
    voice.complain('Server does not support lsetstat@openssh.com extension');
    return false;
  }
  try {
    if (isOfLink) await sftp.setLinkStat(path, attributes, { signal });
    else await sftp.setStat(path, attributes, { signal });
    return true;
  } catch (error) {
    voice.complain(`remote ${isOfLink ? 'lsetstat' : 'setstat'} "${path}": ${reasonOf(error)}`);
    return false;
  }
}
