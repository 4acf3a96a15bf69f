/** Tokens for lines that a shell reads: names from elsewhere must not become commands (CVE-2023-51385, CVE-2025-61984). */
import { SshError } from '../errors.ts';
import { hasShellMeaning, withoutInnerBackslashes } from './names.ts';
import type { TokenValues } from './tokens.ts';

/**
 * The same tokens, where a name that a shell would read as something else is refused when it is used: names may come from a
 * repository's list of submodules, or from a page.
 *
 * @param keyword - for the error text.
 * @throws SshError `bad-file`, from the functions of the tokens that are guarded.
 * @example
 * expandTokens('nc %h %p', shellTokens(tokens, 'ProxyCommand'), 'ProxyCommand');
 */
export function shellTokens(tokens: TokenValues, keyword: string): TokenValues {
  const guarded = Object.entries(tokens).map(([letter, value]) => [
    letter,
    Object.hasOwn(names, letter) ? () => requireSafe(value(), letter, keyword) : value,
  ]);
  return Object.fromEntries(guarded) as TokenValues;
}

/** Those whose text may come from an address, a file of another project, or a server. */
const names: Readonly<Record<string, string>> = {
  h: 'host name',
  j: 'list of jump hosts',
  k: 'HostKeyAlias',
  n: 'host name',
  r: 'user name',
};

function requireSafe(value: string, letter: string, keyword: string): string {
  const isSafe =
    letter === 'r' ? isUserSafe(value) : !hasShellMeaning(letter === 'j' ? value.replaceAll(' ', '') : value);
  if (isSafe && !value.startsWith('-')) return value;
  throw new SshError(`${keyword}: the ${names[letter]} holds characters that a shell acts upon`, {
    code: 'bad-file',
    stage: 'config',
    remedy:
      'Names of hosts and users have no blanks, quotes, control characters or shell operators, and no leading dash.',
  });
}

/** A dollar sign as the last character stays what it is: so end the names of machines on Windows domains. */
function isUserSafe(value: string): boolean {
  return !hasShellMeaning(withoutInnerBackslashes(value.replace(/\$$/, '')));
}
