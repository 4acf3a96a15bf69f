/** internal-sftp: a process of this program that sshd starts, which becomes the user before it looks at anything of theirs. */
import { type Account, dropPrivileges, hasIdentityOf } from '../../os/index.ts';

/**
 * Becomes the account, and goes to its home. The program was loaded before, with the rights of sshd: it need not be
 * readable to the account, and nothing of the account's (shell, environment, start-up files) was asked.
 *
 * @throws SshError where the account cannot be taken on; nothing may be served then.
 */
export function becomeAccount(account: Account): void {
  if (!hasIdentityOf(account)) dropPrivileges(account);
  try {
    process.chdir(account.home);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    process.stderr.write(`Could not chdir to home directory ${account.home}: ${code}\n`);
  }
}
