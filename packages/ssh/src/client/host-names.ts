/** Names of hosts made canonical by DNS (CanonicalizeHostname). */
import { promises as dns } from 'node:dns';
import { type ClientSettings, canonicalizeHostName } from '../config/index.ts';

/**
 * The canonical form of a name as the settings ask for it; undefined where it stays as it is.
 *
 * @throws SshError `dns-failed` where no domain has the name and CanonicalizeFallbackLocal is off.
 */
export function resolveHostNames(name: string, settings: ClientSettings): Promise<string | undefined> {
  return canonicalizeHostName(name, settings, lookUp);
}

/** The system's resolver says whether the name exists; only DNS itself tells what it is an alias for. */
async function lookUp(name: string): Promise<string | undefined> {
  try {
    await dns.lookup(name);
  } catch {
    return undefined;
  }
  const [alias] = await dns.resolveCname(name).catch(() => []);
  return alias ?? name;
}
