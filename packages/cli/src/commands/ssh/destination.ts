/** Where to: `[user@]host` and `ssh://[user@]host[:port]`, as ssh takes them. */
import { isHostName, isUserName, type SshAddressParts, splitSshAddress, splitUser } from '@nacre/ssh/config';

export type Destination = SshAddressParts;

/** Reads a destination; undefined for what is none. Unlike in other places, a colon begins no port. */
export function parseDestination(text: string): Destination | undefined {
  const found = text.startsWith('ssh://') ? splitSshAddress(text) : parsePlain(text);
  if (found === undefined) return undefined;
  return isHostName(found.host) && (found.user === undefined || isUserName(found.user)) ? found : undefined;
}

function parsePlain(text: string): Destination {
  const { user, rest } = splitUser(text);
  return user === undefined ? { host: rest } : { user, host: rest };
}
