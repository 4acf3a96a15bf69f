/** What ssh-keygen can do, a row each; where several flags ask, the first row wins, as in OpenSSH's. */
import type { KeygenFlags } from './flags.ts';

export interface Task {
  run(flags: KeygenFlags, operands: readonly string[]): Promise<number> | number;
}

interface TaskRow {
  readonly isAsked: (flags: KeygenFlags) => boolean;
  /** Names may follow the flags: files to certify, to revoke, to sign. Default no. */
  readonly operands?: true;
  load(): Promise<Task>;
}

const tasks: readonly TaskRow[] = [
  { isAsked: (flags) => flags.signatureMode !== undefined, operands: true, load: () => import('./signatures.ts') },
  { isAsked: (flags) => flags.makeKrl, operands: true, load: () => import('./make-krl.ts') },
  { isAsked: (flags) => flags.queryKrl, operands: true, load: () => import('./query-krl.ts') },
  {
    isAsked: (flags) => flags.certificateAuthority !== undefined,
    operands: true,
    load: () => import('./sign-certificates.ts'),
  },
  { isAsked: (flags) => flags.showCertificate, load: () => import('./show-certificate.ts') },
  {
    isAsked: (flags) => flags.findHost !== undefined || flags.removeHost !== undefined || flags.hashHosts,
    load: () => import('./known-hosts.ts'),
  },
  { isAsked: (flags) => flags.pkcs11 !== undefined || flags.residentKeys, load: () => import('./tokens.ts') },
  { isAsked: (flags) => flags.fingerprint || flags.bubbleBabble, load: () => import('./show-fingerprint.ts') },
  { isAsked: (flags) => flags.changePassphrase, load: () => import('./change-passphrase.ts') },
  { isAsked: (flags) => flags.changeComment, load: () => import('./change-comment.ts') },
  { isAsked: (flags) => flags.sshfp !== undefined, load: () => import('./sshfp.ts') },
  { isAsked: (flags) => flags.exportKey, load: () => import('./export-key.ts') },
  { isAsked: (flags) => flags.importKey || flags.importKeyOld, load: () => import('./import-key.ts') },
  { isAsked: (flags) => flags.printPublic, load: () => import('./print-public.ts') },
  { isAsked: (flags) => flags.moduli !== undefined, operands: true, load: () => import('./moduli.ts') },
  { isAsked: (flags) => flags.allHostKeys, load: () => import('./host-keys.ts') },
  { isAsked: () => true, load: () => import('./generate.ts') },
];

export function chooseTask(flags: KeygenFlags): TaskRow {
  return tasks.find((row) => row.isAsked(flags)) as TaskRow;
}

export function takesOperands(flags: KeygenFlags): boolean {
  return tasks.some((row) => row.operands === true && row.isAsked(flags));
}
