/** What sshd tells the sftp-server that it starts for "internal-sftp": whom to become, before the administrator's own arguments. */
import type { Account } from '../../os/index.ts';

/** No flag and no operand of sftp-server's, so nobody comes upon it by mistake. */
const mark = 'internal-sftp';

/** The argument list of Node for an account's session; `words` are what stands behind "internal-sftp", all of them. */
export function encodeInternal(main: string, account: Account, words: readonly string[]): string[] {
  return [main, 'sftp-server', mark, JSON.stringify(account), ...words];
}

/** The account and the arguments behind it; undefined where sftp-server was started by itself. */
export function decodeInternal(
  args: readonly string[],
): { readonly account: Account; readonly words: readonly string[] } | undefined {
  const [first, account, ...words] = args;
  if (first !== mark || account === undefined) return undefined;
  return { account: JSON.parse(account) as Account, words };
}
