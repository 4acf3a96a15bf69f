/** What ssh-keygen can do, a row each; where several flags ask, the first row wins, as in OpenSSH's. */
import type { KeygenFlags } from './flags.ts';

export interface Task {
  run(flags: KeygenFlags): Promise<number> | number;
}

interface TaskRow {
  readonly isAsked: (flags: KeygenFlags) => boolean;
  load(): Promise<Task>;
}

export const tasks: readonly TaskRow[] = [
  { isAsked: (flags) => flags.showCertificate, load: () => import('./show-certificate.ts') },
  { isAsked: (flags) => flags.fingerprint || flags.bubbleBabble, load: () => import('./show-fingerprint.ts') },
  { isAsked: (flags) => flags.changePassphrase, load: () => import('./change-passphrase.ts') },
  { isAsked: (flags) => flags.changeComment, load: () => import('./change-comment.ts') },
  { isAsked: (flags) => flags.exportKey, load: () => import('./export-key.ts') },
  { isAsked: (flags) => flags.importKey || flags.importKeyOld, load: () => import('./import-key.ts') },
  { isAsked: (flags) => flags.printPublic, load: () => import('./print-public.ts') },
  { isAsked: () => true, load: () => import('./generate.ts') },
];

export function chooseTask(flags: KeygenFlags): TaskRow {
  return tasks.find((row) => row.isAsked(flags)) as TaskRow;
}
