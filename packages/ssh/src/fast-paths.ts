/** The fast paths that an environment variable forces off, so that tests run the general ways which lie behind them. */

/** What each leaves out is told in docs/guide/performance.md, and scripts/fast-paths.mjs names the tests that run without it. */
export type FastPath =
  /** node:crypto's newer calls and compiled packages: what remains runs on every Node. */
  | 'NACRE_CRYPTO'
  /** OpenSSL called for bulk without node:crypto in between: what remains is node:crypto. */
  | 'NACRE_EVP'
  /** Sockets that read into one buffer of the process: what remains is events with a buffer each. */
  | 'NACRE_ONREAD'
  /** Reads of bulk that end where packets do: what remains are reads as large as the buffer. */
  | 'NACRE_PACKET_READS'
  /** Buffers that are given back at once: what remains is the garbage collector. */
  | 'NACRE_RELEASE';

/** Whether a fast path may not be taken, though it could be: its variable says `off` or `fallback`. */
export function isForcedOff(path: FastPath, environment: NodeJS.ProcessEnv = process.env): boolean {
  const value = environment[path];
  return value === 'off' || value === 'fallback';
}
