/** Wildcards in text: `*` stands for any characters, `?` for exactly one. */

/**
 * Whether the whole of `text` fits a pattern.
 *
 * Only the latest `*` is ever retried, so the work is bounded by length times length and never explodes (OpenSSH 10.4,
 * libssh CVE-2026-0967: exponential wildcards). Lengths are the caller's to bound.
 */
export function fitsWildcards(text: string, pattern: string): boolean {
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
