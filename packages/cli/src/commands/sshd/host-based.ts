/** HostbasedAuthentication: whether a host may vouch for its user, by the files of equal hosts and of known host keys. */
import { checkCertificate, type PublicKey } from '@nacre/ssh/keys';
import { checkHostKey, type KnownHosts, parseKnownHosts } from '@nacre/ssh/trust';
import { readRegularFile } from './config/read-file.ts';
import { type EquivalentUser, isEquivalent } from './equivalent-hosts.ts';
import type { KeyQuestion } from './key-programs.ts';
import { loggedName } from './log.ts';
import { revocationRefusal } from './revoked-keys.ts';
import { readUserFile } from './user-files.ts';

const systemEquals = ['/etc/hosts.equiv', '/etc/ssh/shosts.equiv'];
const systemKnownHosts = ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];
const userKnownHosts = ['.ssh/known_hosts', '.ssh/known_hosts2'];

/** What the client says of itself. */
export interface HostClaim {
  readonly clientHost: string;
  readonly clientUser: string;
}

/** Whether the key is that of a host whose user of this name is the account's. Errors refuse. */
export function permitHost(claim: HostClaim, question: KeyQuestion): boolean {
  const { key, peer, settings, log } = question;
  const revocation = revocationRefusal(settings.revokedKeys, key, settings);
  if (revocation !== undefined) {
    log('ERROR', revocation);
    return false;
  }
  const named = claim.clientHost.replace(/\.$/, '');
  const address = peer.address ?? 'UNKNOWN';
  const resolved = peer.hostName ?? address;
  const trustsName = settings.hostbasedUsesNameFromPacketOnly;
  if (!trustsName && resolved.toLowerCase() !== named.toLowerCase()) {
    log(
      'INFO',
      `userauth_hostbased mismatch: client sends ${loggedName(named)}, but we resolve ${address} to ${resolved}`,
    );
  }
  const host = trustsName ? named : resolved;
  const user = { host, address: trustsName ? named : address, user: claim.clientUser };
  return isEqualUser(user, question) && isKeyOf(host, key, question);
}

function isEqualUser(user: EquivalentUser, { account, settings, log }: KeyQuestion): boolean {
  // Root is equal to nobody by the machine's files.
  const system = account.uid === 0 ? [] : systemEquals;
  if (system.some((path) => isEquivalent(readSystemFile(path), user, account.name))) return true;
  if (settings.ignoreRhosts === 'yes') return false;
  const names = settings.ignoreRhosts === 'no' ? ['.shosts', '.rhosts'] : ['.shosts'];
  return names.some((name) => {
    const { bytes, refusal } = readUserFile(account, `${account.home}/${name}`, settings.strictModes, 'hosts');
    if (refusal !== undefined) log('INFO', `Rhosts authentication refused for ${account.name}: ${refusal}`);
    return bytes !== undefined && isEquivalent(bytes.toString('utf8'), user, account.name);
  });
}

function isKeyOf(host: string, key: PublicKey, { account, settings, log }: KeyQuestion): boolean {
  const files: KnownHosts[] = systemKnownHosts.map((name) => parseKnownHosts(readSystemFile(name), { name }));
  for (const each of settings.ignoreUserKnownHosts ? [] : userKnownHosts) {
    const name = `${account.home}/${each}`;
    const { bytes = '', refusal } = readUserFile(account, name, settings.strictModes, 'hosts');
    if (refusal !== undefined) log('INFO', refusal);
    files.push(parseKnownHosts(bytes, { name }));
  }
  const verdict = checkHostKey(files, { host, port: 22, key });
  if (verdict.status === 'revoked') {
    log('ERROR', `WARNING: revoked key for ${loggedName(host)} attempted authentication`);
    return false;
  }
  const { certificate } = key;
  if (certificate === undefined) return verdict.status === 'trusted';
  if (verdict.status !== 'trusted-ca') return false;
  try {
    checkCertificate(certificate, {
      kind: 'host',
      principal: host,
      now: BigInt(Math.floor(Date.now() / 1000)),
      caSignatureAlgorithms: settings.caSignatureAlgorithms.names,
    });
    return true;
  } catch (error) {
    log('ERROR', `Refusing host certificate of ${loggedName(host)}: ${(error as Error).message}`);
    return false;
  }
}

/** Nothing, where there is none. One that cannot be read is nothing as well: it lets nobody in. */
function readSystemFile(path: string): string {
  try {
    return readRegularFile(path).toString('utf8');
  } catch {
    return '';
  }
}
