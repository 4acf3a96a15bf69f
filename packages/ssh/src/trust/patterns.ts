/** OpenSSH patterns: `*`, `?` and `!` for host and user names, and pattern lists (ssh_config(5), PATTERNS). */
import { SshError } from '../errors.ts';
import { maxPatternBytes } from '../limits.ts';

/** What a list says about a name. One negated hit outweighs every other; a negation alone never matches. */
export type MatchResult = 'match' | 'negated' | 'none';

/**
 * Whether the whole of `text` fits a pattern, where `*` stands for any characters and `?` for exactly one.
 *
 * Only the latest `*` is ever retried, so the work is bounded by length times length and never explodes (OpenSSH 10.4,
 * libssh CVE-2026-0967: exponential wildcards).
 *
 * @throws SshError `limit-exceeded` where either is longer than `maxPatternBytes`.
 * @example
 * matchPattern('www.example.com', '*.example.com'); // true
 */
export function matchPattern(text: string, pattern: string): boolean {
  requireLength(text);
  requireLength(pattern);
  let at = 0;
  let next = 0;
  let starAt = -1;
  let retryFrom = 0;
  while (at < text.length) {
    const wanted = pattern[next];
    if (wanted === '*') {
      starAt = next++;
      retryFrom = at;
    } else if (wanted !== undefined && (wanted === '?' || wanted === text[at])) {
      at++;
      next++;
    } else if (starAt >= 0) {
      next = starAt + 1;
      at = ++retryFrom;
    } else {
      return false;
    }
  }
  while (pattern[next] === '*') next++;
  return next === pattern.length;
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
