/** The commands of sftp, a file each. */
import { cd } from './cd.ts';
import { chmod } from './chmod.ts';
import { chgrp, chown } from './chown.ts';
import { cp } from './cp.ts';
import { df } from './df.ts';
import { get, reget } from './get.ts';
import { help } from './help.ts';
import { lcd } from './lcd.ts';
import { lls } from './lls.ts';
import { lmkdir } from './lmkdir.ts';
import { ln, symlink } from './ln.ts';
import { lpwd } from './lpwd.ts';
import { ls } from './ls.ts';
import { lumask } from './lumask.ts';
import { mkdir } from './mkdir.ts';
import { progress } from './progress.ts';
import { put, reput } from './put.ts';
import { pwd } from './pwd.ts';
import { quit } from './quit.ts';
import { rename } from './rename.ts';
import { rm } from './rm.ts';
import { rmdir } from './rmdir.ts';
import { shell } from './shell.ts';
import type { Verb } from './verb.ts';
import { version } from './version.ts';

export const verbs: readonly Verb[] = [
  quit,
  cd,
  chgrp,
  chmod,
  chown,
  cp,
  df,
  get,
  help,
  lcd,
  lls,
  lmkdir,
  ln,
  lpwd,
  ls,
  lumask,
  mkdir,
  progress,
  put,
  pwd,
  reget,
  rename,
  reput,
  rm,
  rmdir,
  symlink,
  version,
  shell,
];

export function findVerb(name: string): Verb | undefined {
  return verbs.find(({ names }) => names.includes(name));
}
