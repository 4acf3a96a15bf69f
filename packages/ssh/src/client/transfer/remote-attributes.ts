/** What is known of a file, as the protocol has it and as the engine does. */
import { type FileAttributes, fileType } from '../../sftp/index.ts';
import type { Facts } from './side.ts';

/** Modes without the bits that hand out rights (setuid, setgid), times in the whole seconds that the protocol has. */
export function attributesOf({ mode, times }: Pick<Facts, 'mode' | 'times'>, modeBits = 0o777): FileAttributes {
  const seconds = (time: number) => Math.min(Math.max(Math.floor(time), 0), 0xffff_ffff);
  return {
    ...(mode !== undefined && { mode: mode & modeBits }),
    ...(times !== undefined && { times: { accessed: seconds(times.accessed), modified: seconds(times.modified) } }),
  };
}

export function factsOf(attributes: FileAttributes): Facts {
  const { size, mode, times } = attributes;
  return { kind: fileType(attributes), size, mode, times };
}
