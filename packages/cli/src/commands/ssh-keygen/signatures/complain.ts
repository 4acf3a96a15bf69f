/** Complaints of ssh-keygen -Y: lines on stderr, in OpenSSH's words. */
import { SshError } from '@nacre/ssh/errors';
import type { LineProblem } from '@nacre/ssh/trust';
import { sanitize } from '../../../terminal/sanitize.ts';
import { describe, describeSystemError } from '../ending.ts';

export function complain(...lines: readonly string[]): undefined {
  process.stderr.write(lines.map((line) => `${line}\n`).join(''));
  return undefined;
}

/** What was wrong with lines of an allowed signers file. */
export function complainOfLines(notes: readonly LineProblem[]): void {
  complain(...notes.map(({ file, line, reason }) => `${sanitize(file)}:${line}: ${sanitize(reason)}`));
}

/** The reason of a failure, the detail in parentheses where ours says more: from the system, or from the library. */
export function reasonOf(error: unknown): string {
  return error instanceof SshError ? describe(error) : describeSystemError(error);
}

/** What OpenSSH's functions add, on their way out, to an error in the data to be signed or verified. */
export function complainOfData(error: unknown, caller: 'sshsig_sign_fd' | 'sshsig_verify_fd'): void {
  if (error instanceof SshError) {
    complain(
      `sshsig_check_hashalg: ${sanitize(error.message)}`,
      `${caller}: hash_file: signature algorithm not supported`,
    );
    return;
  }
  const reason = describeSystemError(error);
  complain(`hash_file: read: ${reason}`, `${caller}: hash_file: ${reason}`);
}
