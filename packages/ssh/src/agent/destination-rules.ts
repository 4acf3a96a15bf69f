/** Whether a key's destination constraints let it be used over a connection: every hop of the way must be allowed. */
import { checkCertificate, publicKeyAlgorithms } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { maxPatternBytes, maxUserNameBytes } from '../limits.ts';
import { fitsWildcards } from '../wire/index.ts';
import type { DestinationConstraint, DestinationHost } from './destinations.ts';
import type { BoundSession, SessionBindings } from './session-bindings.ts';

/** Seconds since 1970, for the validity of host certificates. */
export type UnixTime = () => bigint;

/** One hop on a connection's way: from a host (undefined: where the agent is) to a host (undefined: anywhere). */
interface Hop {
  readonly from: PublicKey | undefined;
  readonly to: PublicKey | undefined;
  /** Who logs in there; undefined where it is not a question of logging in. */
  readonly user: string | undefined;
}

/**
 * Whether a key may be seen, removed or replaced over a connection (no user), or log a user in at the connection's last host.
 *
 * @returns the reason why not; undefined where it may.
 */
export function refuseByDestination(
  destinations: readonly DestinationConstraint[],
  bindings: SessionBindings,
  unixTime: UnixTime | undefined,
  user?: string,
): string | undefined {
  const { sessions } = bindings;
  if (sessions.length === 0) {
    // CVE-2026-73281: a binding that failed means that somebody is at the other end, and nobody knows who.
    return bindings.attempted ? 'a session binding failed on this connection' : undefined;
  }
  const mayHop = (hop: Hop) => destinations.some((constraint) => allows(constraint, hop, unixTime));
  let from: PublicKey | undefined;
  for (const [at, session] of sessions.entries()) {
    const isLast = at === sessions.length - 1;
    if (isLast && session.forwarding && user !== undefined)
      return 'the connection is bound for forwarding, not for login';
    if (!isLast && !session.forwarding) return 'the connection was bound for login before its last hop';
    if (!mayHop({ from, to: session.hostKey, user: isLast ? user : undefined }))
      return 'the destination is not permitted';
    from = session.hostKey;
  }
  const last = sessions.at(-1) as BoundSession;
  // Shown to the last host, a key is of use only if it may go on from there.
  if (last.forwarding && user === undefined && !mayHop({ from: last.hostKey, to: undefined, user })) {
    return 'the key may be used at the last host, and not from there';
  }
  return undefined;
}

function allows({ from, to }: DestinationConstraint, hop: Hop, unixTime: UnixTime | undefined): boolean {
  if (hop.from === undefined ? from !== undefined : from === undefined || !isHost(hop.from, from, unixTime))
    return false;
  if (hop.to !== undefined && !isHost(hop.to, to, unixTime)) return false;
  return to.user === undefined || to.user === '' || hop.user === undefined || fitsUser(hop.user, to.user);
}

function fitsUser(user: string, pattern: string): boolean {
  return user.length <= maxUserNameBytes && pattern.length <= maxPatternBytes && fitsWildcards(user, pattern);
}

/** A plain key must be listed as one; a certificate must name the host and be signed by a key listed as a CA. */
function isHost(shown: PublicKey, host: DestinationHost, unixTime: UnixTime | undefined): boolean {
  const { certificate } = shown;
  if (certificate === undefined) return host.keys.some((listed) => !listed.isCertAuthority && listed.key.equals(shown));
  const isKnown = host.keys.some(({ key, isCertAuthority }) => isCertAuthority && key.equals(certificate.signatureKey));
  if (!isKnown || unixTime === undefined) return false;
  try {
    checkCertificate(certificate, {
      kind: 'host',
      principal: host.host,
      now: unixTime(),
      caSignatureAlgorithms,
      matchPattern: (pattern, name) =>
        pattern.length <= maxPatternBytes && name.length <= maxPatternBytes && fitsWildcards(name, pattern),
    });
    return true;
  } catch {
    return false;
  }
}

const caSignatureAlgorithms = publicKeyAlgorithms
  .filter(({ certificate, legacy }) => !certificate && !legacy)
  .map(({ signatureAlgorithm }) => signatureAlgorithm);
