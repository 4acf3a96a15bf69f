/** Reaches the host at the other end of a tool for files. */
import type { HostWish, RemoteHost } from './host.ts';

/**
 * Logs in to a host. Every program is a channel of one connection; with `program`, a process of its own.
 *
 * @returns undefined where that failed: stderr says why, as ssh does.
 */
export async function reachHost(wish: HostWish): Promise<RemoteHost | undefined> {
  if (wish.program !== undefined)
    return (await import('./by-program.ts')).hostByProgram({ ...wish, program: wish.program });
  return (await import('./by-client.ts')).hostByClient(wish);
}
