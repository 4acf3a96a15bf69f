/** `--expires`: the time after which a server lets a key in no more, as authorized_keys has it. */
import { SshError } from '@nacre/ssh/errors';
import { formatExpiryTime, parseExpiry } from '@nacre/ssh/keys';

/**
 * Reads `+90d`, `+1w2d`, `+3600` or `YYYYMMDD[HHMM[SS]][Z]`.
 *
 * @param now - seconds since 1970.
 * @returns the option, `expiry-time="20300101120000Z"`.
 * @throws SshError `misuse` for anything else, and for times that are past.
 */
export function expiryOption(text: string, now: number): string {
  return `expiry-time="${formatExpiryTime(parseExpiry(text, now))}"`;
}

/**
 * Requires a server that reads the option: to any other the whole line is faulty, and the key would be installed and never let
 * in. OpenSSH knows expiry-time since 7.7, and times in UTC since 9.1.
 *
 * @param identification - what the server said it is, `SSH-2.0-OpenSSH_9.2p1 Debian-2`.
 */
export function requireExpirySupport(identification: string): void {
  const software = identification.replace(/^SSH-[\d.]+-/, '');
  const openSsh = /^OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)/.exec(software);
  const version = openSsh === null ? undefined : Number(openSsh[1]) * 1000 + Number(openSsh[2]);
  const isUnfit = version === undefined ? /^(?:dropbear|NetScreen|tinyssh)/i.test(software) : version < 9001;
  if (!isUnfit) return;
  throw new SshError(`the server (${software}) does not read expiry-time in UTC, so the key would never be let in`, {
    code: 'unsupported',
    stage: 'trust',
    remedy: 'Install the key without --expires, or update the server: OpenSSH reads it since version 9.1.',
  });
}
