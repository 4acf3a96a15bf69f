/** The flags of node:fs as what OPEN is to do. */
import type { OpenMode } from '../calls.ts';
import { sftpError } from '../sftp-error.ts';

/** As node:fs knows them, but for those that ask for synchronous writing, which the protocol has not. */
export type OpenFlag = 'r' | 'r+' | 'w' | 'wx' | 'w+' | 'wx+' | 'a' | 'ax' | 'a+' | 'ax+';

const modes: Readonly<Record<OpenFlag, OpenMode>> = {
  r: { read: true },
  'r+': { read: true, write: true },
  w: { write: true, create: true, truncate: true },
  wx: { write: true, create: true, exclusive: true },
  'w+': { read: true, write: true, create: true, truncate: true },
  'wx+': { read: true, write: true, create: true, exclusive: true },
  a: { append: true, create: true },
  ax: { append: true, create: true, exclusive: true },
  'a+': { read: true, append: true, create: true },
  'ax+': { read: true, append: true, create: true, exclusive: true },
};

export function modeOfFlag(flag: string): OpenMode {
  const mode = Object.hasOwn(modes, flag) ? modes[flag as OpenFlag] : undefined;
  if (mode !== undefined) return mode;
  throw sftpError('misuse', `"${flag}" is no flag of opening: expected one of ${Object.keys(modes).join(', ')}`);
}
