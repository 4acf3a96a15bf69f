/** Which host key algorithms a client offers first, by what it knows of the host. */
import type { PublicKeyAlgorithm } from '../keys/index.ts';
import { findHostKeyAlgorithm, hostKeyAlgorithms } from '../transport/index.ts';

/**
 * A known host is offered its known key types first, so that it shows a key that can be checked. The list stays as it is for an
 * unknown host, and for one that is known by the very type that comes first: that tells nobody what we know (CVE-2020-14145).
 */
export function orderByKnown(
  types: readonly string[],
  hasAuthority: boolean,
  names: readonly string[] | undefined,
): readonly string[] | undefined {
  if (types.length === 0 && !hasAuthority) return names;
  const usable =
    names === undefined
      ? hostKeyAlgorithms.filter((row) => !row.legacy)
      : names.flatMap((name) => findHostKeyAlgorithm(name) ?? []);
  if (usable[0] !== undefined && types.includes(usable[0].keyType)) return names;
  const isKnown = (row: PublicKeyAlgorithm) => (row.certificate ? hasAuthority : types.includes(row.keyType));
  return [...usable.filter(isKnown), ...usable.filter((row) => !isKnown(row))].map((row) => row.name);
}
