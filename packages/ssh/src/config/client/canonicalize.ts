/** CanonicalizeHostname: short names become full ones by trying domains, and aliases are followed where rules allow it. */
import { isIP } from 'node:net';
import { SshError } from '../../errors.ts';
import { matchPatternList } from '../../trust/index.ts';
import type { ClientSettings } from './keywords.ts';

/** Looks up a name; a full one ends in a dot: the name that it is an alias for, or itself; undefined where there is none. */
export type NameLookup = (name: string) => Promise<string | undefined>;

/**
 * The canonical form of a name, as ssh_config(5) describes for CanonicalizeHostname.
 *
 * @returns undefined where the name stays as it is.
 * @throws SshError `dns-failed` where no domain has the name and CanonicalizeFallbackLocal is off.
 */
export async function canonicalizeHostName(
  name: string,
  settings: ClientSettings,
  lookup: NameLookup,
): Promise<string | undefined> {
  if (isIP(name) !== 0) return undefined;
  const isFull = name.endsWith('.');
  if (!isFull && name.split('.').length - 1 > settings.canonicalizeMaxDots) return followAlias(name, settings, lookup);
  const domains = settings.canonicalDomains.filter((domain) => domain.toLowerCase() !== 'none');
  const candidates = isFull ? [name] : domains.map((domain) => `${name}.${domain.replace(/\.$/, '')}.`);
  for (const candidate of candidates) {
    const target = await lookup(candidate);
    if (target === undefined) continue;
    const full = withoutDot(candidate);
    return mayFollow(full, withoutDot(target), settings) ? withoutDot(target) : full;
  }
  if (settings.canonicalizeFallbackLocal) return followAlias(name, settings, lookup);
  throw new SshError(`Could not resolve host "${name}"`, {
    code: 'dns-failed',
    stage: 'dns',
    remedy: `None of CanonicalDomains (${domains.join(' ') || 'none'}) has the name; CanonicalizeFallbackLocal yes would try it as it is.`,
  });
}

/** A name that stays as it is may still be an alias that is to be followed. */
async function followAlias(name: string, settings: ClientSettings, lookup: NameLookup): Promise<string | undefined> {
  if (settings.canonicalizePermittedCnames.length === 0) return undefined;
  const target = await lookup(name);
  if (target === undefined || !mayFollow(name, withoutDot(target), settings)) return undefined;
  return withoutDot(target);
}

/** An alias leads where somebody else decides: it is followed only as a rule says. */
function mayFollow(name: string, target: string, { canonicalizePermittedCnames }: ClientSettings): boolean {
  if (target === name) return false;
  const fits = (text: string, list: string): boolean => matchPatternList(text.toLowerCase(), list) === 'match';
  return canonicalizePermittedCnames.some((rule) => fits(name, rule.source) && fits(target, rule.target));
}

function withoutDot(name: string): string {
  return name.replace(/\.$/, '').toLowerCase();
}
