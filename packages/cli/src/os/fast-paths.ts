/** The fast paths of the programs that an environment variable forces off; the library's stand in its own `fast-paths.ts`. */

/** What each leaves out is told in docs/guide/performance.md, and scripts/fast-paths.mjs names the tests that run without it. */
export type FastPath =
  /** Compiled code that is kept between starts: what remains is compiling at each. */
  | 'NACRE_CODE_CACHE'
  /** internal-sftp in the user's session host: what remains is a process for each session. */
  | 'NACRE_INTERNAL_SFTP'
  /** Local files of a transfer read and written in the thread that asks: what remains is libuv's threads. */
  | 'NACRE_LOCAL_FILES'
  /** Acknowledgements asked for before login: what remains is TCP's own time for them. */
  | 'NACRE_QUICK_ACK'
  /** posix_spawn: what remains is Node's own start of a process. */
  | 'NACRE_SPAWN'
  /** Another account's rights for one thread: what remains is changing them for the whole process. */
  | 'NACRE_THREAD_RIGHTS'
  /** Memory given back once many logins are over: what remains is the garbage collector's own time. */
  | 'NACRE_TIDY';

/** Whether a fast path may not be taken, though it could be: its variable says `off` or `fallback`. */
export function isForcedOff(path: FastPath): boolean {
  const value = process.env[path];
  return value === 'off' || value === 'fallback';
}
