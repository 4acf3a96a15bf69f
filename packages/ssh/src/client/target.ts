/** Where to connect: `[user@]host[:port]`, an ssh:// address, or an object; checked before any of it is used. */
import { isIPv6 } from 'node:net';
import { isHostName, isUserName } from '../config/names.ts';
import { splitSshAddress, splitUser } from '../config/ssh-address.ts';
import { SshError } from '../errors.ts';

export interface Target {
  readonly host: string;
  /** Default 22. */
  readonly port?: number;
  readonly user?: string;
}

/**
 * Reads a target.
 *
 * @param target - `host`, `user@host`, `host:port`, `[::1]:port`, `ssh://user@host:port`, or an object with those parts.
 * @throws SshError `misuse` for names that no host or user has: a leading `-` (it would be read as an option by a program that is
 *   given it), control characters, blanks and shell metacharacters (CVE-2023-51385).
 */
export function parseTarget(target: string | Target): Target {
  if (typeof target !== 'string') return requireTarget(target);
  return target.startsWith('ssh://') ? parseAddress(target) : parseText(target);
}

function parseText(text: string): Target {
  const { user, rest: place } = splitUser(text);
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(place);
  const plain = bracketed ?? /^([^:]+)(?::(\d+))?$/.exec(place);
  // More than one colon without brackets is an IPv6 address, and has no port.
  const host = plain?.[1] ?? place;
  return requireTarget({
    host,
    ...(user !== undefined && { user }),
    ...(plain?.[2] !== undefined && { port: Number(plain[2]) }),
  });
}

function parseAddress(text: string): Target {
  if (/^ssh:\/\/[^@/]*:[^@/]*@/.test(text)) {
    throw badTarget(
      'a password does not belong into an address, where logs and lists of processes show it',
      'Leave it out.',
    );
  }
  const parts = splitSshAddress(text);
  if (parts === undefined) {
    throw badTarget(`"${text.slice(0, 200)}" is no ssh:// address`, 'Write ssh://user@host:port.');
  }
  return requireTarget(parts);
}

function requireTarget(target: Target): Target {
  const { host, port = 22, user } = target;
  if (!isHost(host)) {
    throw badTarget(
      `"${host.slice(0, 200)}" is no host name`,
      'Give a name or an address: host, host:port, or [address]:port for IPv6.',
    );
  }
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw badTarget(`port ${port} is not between 1 and 65535`);
  if (user !== undefined && !isUser(user)) throw badTarget(`"${user.slice(0, 200)}" is no user name`);
  return target;
}

/**
 * Nothing that a shell, an option parser, a list of patterns, a path or a token expansion would act upon: names go into known_hosts,
 * into commands and into file names.
 */
function isHost(host: string): boolean {
  if (host.includes(':')) return isIPv6(host) && isHostName(host);
  return isHostName(host) && !/[[\]%,*?!#/]/.test(host);
}

/** A backslash stands in names of Windows domains; as the last character it would escape whatever follows. */
function isUser(user: string): boolean {
  return isUserName(user) && !user.includes('$');
}

function badTarget(message: string, remedy?: string): SshError {
  return new SshError(message, { code: 'misuse', stage: 'usage', ...(remedy !== undefined && { remedy }) });
}
