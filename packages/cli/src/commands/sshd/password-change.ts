/** What a session is when the account's password is too old: its change, and nothing else. */
import type { Account } from '../../os/index.ts';

interface PasswordChange {
  readonly account: Account;
  readonly command: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly startUpFile: undefined;
}

/** In a terminal passwd(1) asks for a new password; without one there is nobody to ask. In the words of OpenSSH. */
export function passwordChange(
  account: Account,
  environment: Readonly<Record<string, string>>,
  hasTerminal: boolean,
): PasswordChange {
  const rest = hasTerminal
    ? `echo 'You must change your password now and login again!' >&2; exec /usr/bin/passwd`
    : `echo 'Password change required but no TTY available.' >&2; exit 1`;
  return {
    // By sh, whatever the account's shell is.
    account: { ...account, shell: '/bin/sh' },
    command: `echo 'WARNING: Your password has expired.' >&2; ${rest}`,
    environment,
    startUpFile: undefined,
  };
}
