/** OpenSSH patterns: `*`, `?` and `!` for host and user names, and pattern lists (ssh_config(5), PATTERNS). */
import { SshError } from '../errors.ts';
import { maxPatternBytes } from '../limits.ts';
import { fitsWildcards } from '../wire/index.ts';

/** What a list says about a name. One negated hit outweighs every other; a negation alone never matches. */
export type MatchResult = 'match' | 'negated' | 'none';

/**
 * Whether the whole of `text` fits a pattern, where `*` stands for any characters and `?` for exactly one.
 *
 * @throws SshError `limit-exceeded` where either is longer than `maxPatternBytes`.
 * @example
 * matchPattern('www.example.com', '*.example.com'); // true
 */
export function matchPattern(text: string, pattern: string): boolean {
  requireLength(text);
  requireLength(pattern);
  return fitsWildcards(text, pattern);
}

/**
 * Matches a name against a comma-separated list of patterns, each of which may be negated with `!`.
 *
 * @example
 * matchPatternList('db1', 'db*,!db2'); // 'match'
 */
export function matchPatternList(text: string, list: string): MatchResult {
  requireLength(list);
  let result: MatchResult = 'none';
  for (const entry of list.split(',')) {
    const negated = entry.startsWith('!');
    if (!matchPattern(text, negated ? entry.slice(1) : entry)) continue;
    if (negated) return 'negated';
    result = 'match';
  }
  return result;
}

/** As `matchPatternList`, with upper and lower case alike: host names (RFC 4343). */
export function matchHostPatternList(host: string, list: string): MatchResult {
  return matchPatternList(host.toLowerCase(), list.toLowerCase());
}

function requireLength(text: string): void {
  if (text.length <= maxPatternBytes) return;
  throw new SshError(`a name or pattern of ${text.length} characters, at most ${maxPatternBytes} are allowed`, {
    code: 'limit-exceeded',
    stage: 'trust',
    remedy: 'Split the pattern list over several lines.',
  });
}
