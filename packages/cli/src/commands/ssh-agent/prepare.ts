/** Finds a place for the socket before an agent starts. */
import { chooseSocketPath, type SocketPath } from './socket-path.ts';

/** As the flags ask for it; beside the default place, sockets of agents that are gone are removed. */
export async function prepareSocketPath(flags: {
  readonly address: string | undefined;
  readonly temporary: boolean;
  readonly keepStale: boolean;
}): Promise<SocketPath> {
  const isDefault = flags.address === undefined && !flags.temporary;
  if (isDefault && !flags.keepStale) await (await import('./stale-sockets.ts')).removeStaleSockets(false);
  return chooseSocketPath(flags.address, flags.temporary);
}
