/** Does DNS have the fingerprint of a host's key? (RFC 4255, VerifyHostKeyDNS) */
import { isIP } from 'node:net';
import { matchSshfp } from '../../keys/index.ts';
import type { HostKeyQuestion } from '../host-key-policy.ts';
import type { DnsFinding } from '../known-hosts-options.ts';
import type { TrustEventLevel } from '../trust-event.ts';
import { lookUpSshfp, type SshfpAnswer } from './look-up-sshfp.ts';

/**
 * Looks the key up.
 *
 * @returns undefined where DNS says nothing, for whatever reason: then known_hosts decides, as it does without DNS.
 */
export async function findInDns(
  { host, key }: HostKeyQuestion,
  lookUp: (host: string) => Promise<SshfpAnswer> = lookUpSshfp,
  tell: (level: TrustEventLevel, text: string) => void,
): Promise<DnsFinding | undefined> {
  if (isNumeric(host)) {
    tell('debug1', 'skipped DNS lookup for numerical hostname');
    return undefined;
  }
  let answer: SshfpAnswer;
  try {
    answer = await lookUp(host);
  } catch (error) {
    tell('verbose', error instanceof Error ? error.message : String(error));
    return undefined;
  }
  const { records, secure } = answer;
  tell('debug1', `found ${records.length} ${secure ? 'secure' : 'insecure'} fingerprints in DNS`);
  if (records.length === 0) return undefined;
  // Where there are records of other keys only, this one is not among those that the zone's owner knows.
  const result = matchSshfp(records, key) === 'match' ? 'match' : 'mismatch';
  tell('debug1', `${result === 'match' ? 'matching' : 'mismatching'} host key fingerprint found in DNS`);
  return { result, secure };
}

/** Also the old forms that the C library takes for addresses: 0x7f000001, 127.1. */
function isNumeric(host: string): boolean {
  return isIP(host) !== 0 || /^(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}$/i.test(host);
}
