/** shosts.equiv, .shosts and their kin: which users of which hosts are a user of ours. */

export interface EquivalentUser {
  /** The client's host by name and by address. */
  readonly host: string;
  readonly address: string;
  readonly user: string;
}

/**
 * Whether a file's first line about this user of this host names them as equal to ours. A plus alone, which once meant everybody,
 * is never read so.
 *
 * @param accountName - whom a line without a user means.
 */
export function isEquivalent(text: string, { host, address, user }: EquivalentUser, accountName: string): boolean {
  for (const line of text.split('\n')) {
    const words = line.trim().split(/\s+/);
    const [first = '', second = accountName, ...rest] = words;
    if (first === '' || first.startsWith('#') || first.startsWith('NO_PLUS') || rest.length > 0) continue;
    const isNegated = first.startsWith('-') || second.startsWith('-');
    const [hostName, userName] = [first, second].map((word) => word.replace(/^[+-]/, '')) as [string, string];
    if (hostName === '' || userName === '') continue;
    const isNetgroup = hostName.startsWith('@') || userName.startsWith('@');
    // Netgroups are not asked here. One that lets in lets nobody in; one that keeps out might mean this very user.
    if (isNetgroup && isNegated) return false;
    if (isNetgroup || userName !== user) continue;
    if (hostName.toLowerCase() === host.toLowerCase() || hostName === address) return !isNegated;
  }
  return false;
}
