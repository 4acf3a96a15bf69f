/** ssh-keygen -Y find-principals and match-principals: names in an allowed signers file. */
import { findSignerPrincipals, matchSignerPrincipals } from '@nacre/ssh/trust';
import { print } from '../../../terminal/print.ts';
import { sanitize } from '../../../terminal/sanitize.ts';
import type { KeygenFlags } from '../flags.ts';
import { openAllowedSigners } from './allowed-file.ts';
import { complain, complainOfLines } from './complain.ts';
import { readSignatureOptions } from './options.ts';
import { openSignature } from './signature-file.ts';

/** Names for the key of a signature. Nothing is verified here. */
export function findPrincipals(flags: KeygenFlags): number {
  const names = findNames(flags);
  if (names === undefined) {
    complain('No principal matched.');
    return 255;
  }
  for (const name of names) print(`${sanitize(name)}\n`);
  return 0;
}

function findNames(flags: KeygenFlags): readonly string[] | undefined {
  const options = readSignatureOptions(flags.options, ['verify-time']);
  if (options === undefined) return undefined;
  const signature = openSignature(flags.certificateAuthority as string, 'sig_find_principals');
  if (signature === undefined) return undefined;
  const file = openAllowedSigners(flags.file as string);
  if (typeof file === 'string') return complain(`sig_find_principals: sshsig_find_principal: ${file}`);
  const found = findSignerPrincipals(file, { key: signature.publicKey, now: options.now });
  complainOfLines(found.notes);
  return found.line === undefined ? undefined : found.principals;
}

/** OpenSSH ends with its own error numbers, of which the shell sees the last eight bits. */
const statuses = { invalidArgument: 246, systemError: 232, notFound: 210, invalidFormat: 252 } as const;

/** The lines that are for a name. */
export function matchPrincipals(flags: KeygenFlags): number {
  if (readSignatureOptions(flags.options, []) === undefined) return statuses.invalidArgument;
  const file = openAllowedSigners(flags.file as string);
  if (typeof file === 'string') return endUnmatched(statuses.systemError);
  const { principals, problem } = matchSignerPrincipals(file, flags.certificateId as string);
  if (problem !== undefined) {
    complainOfLines([problem]);
    return endUnmatched(statuses.invalidFormat);
  }
  if (principals.length === 0) return endUnmatched(statuses.notFound);
  for (const name of principals) print(`${sanitize(name)}\n`);
  return 0;
}

function endUnmatched(status: number): number {
  complain('No principal matched.');
  return status;
}
