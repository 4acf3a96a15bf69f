/** Tokens for lines that a shell reads: names from elsewhere must not become commands (CVE-2023-51385, CVE-2025-61984). */
import type { TokenValues } from '@nacre/ssh/config';
import { FatalError } from './end.ts';

/** Those whose text may come from an address, a file of another project, or a server: hosts, users, aliases, jump hosts. */
const names = 'hknrj';
/** What OpenSSH refuses in the names of hosts and users, and control characters, which no name holds. */
const unsafe = /[\p{Cc}"'`$;&<>|(){}\\]/u;

/**
 * The same tokens, where a name that a shell would read as something else ends ssh.
 *
 * @param keyword - for the error text.
 */
export function shellTokens(tokens: TokenValues, keyword: string): TokenValues {
  const guarded = Object.entries(tokens).map(([letter, value]) => [
    letter,
    names.includes(letter) ? () => requireSafe(value(), letter, keyword) : value,
  ]);
  return Object.fromEntries(guarded) as TokenValues;
}

function requireSafe(value: string, letter: string, keyword: string): string {
  if (!unsafe.test(value) && !value.startsWith('-')) return value;
  const text = JSON.stringify(value);
  throw new FatalError(
    `${keyword}: %${letter} is ${text}, which a shell would not read as a name: the command is not run`,
    {
      always: true,
    },
  );
}
