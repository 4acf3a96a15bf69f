/** The mathematics of `diffie-hellman-group-exchange-sha256` (RFC 4419): a group the server chose, checked and used. */
import { maxDhGroupBits, minDhGroupBits } from '../../limits.ts';
import type { AgreementInitiator, AgreementResponse } from '../key-agreement.ts';
import { type FiniteFieldGroup, isInnerElement, respondFiniteField, startFiniteField } from './finite-field.ts';
import { decodeMpintBody, trimZeros } from './mpint.ts';
import { refusal } from './refusal.ts';

/** Sizes a group may have, in bits of its prime. */
export interface GroupLimits {
  minBits: number;
  maxBits: number;
}

/**
 * Checks a group that a server sent.
 *
 * Whether p is a prime at all, let alone a safe one, is not tested: one round for 2048 bits costs 130 ms here, for 8192
 * bits 14 s, which a server could have a client spend at every connection. A server that would weaken its own
 * connection need not choose a bad group; it can give the secret away. OpenSSH's client does the same.
 *
 * @param prime - p as unsigned big-endian bytes, as the wire's mpint field gives it.
 * @param generator - g, likewise.
 * @param limits - the sizes that were asked for; by default those that limits.ts allows at all.
 * @throws SshError code `kex-failed`, side `peer`, disconnect 3 for a group of another size, an even p, or a g outside 2 … p-2.
 */
export function requireGroup(
  prime: Uint8Array,
  generator: Uint8Array,
  limits: GroupLimits = { minBits: minDhGroupBits, maxBits: maxDhGroupBits },
): FiniteFieldGroup {
  const p = Buffer.from(trimZeros(prime));
  const bits = bitLength(p);
  if (bits < limits.minBits || bits > limits.maxBits) {
    throw refusal(`the group has ${bits} bits, and ${limits.minBits} to ${limits.maxBits} were asked for`);
  }
  if ((p[p.length - 1]! & 1) === 0) throw refusal('the modulus of the group is even');
  const g = Buffer.from(trimZeros(generator));
  if (!isInnerElement(g, p)) throw refusal('the generator of the group is not between 2 and the prime less 2');
  return { prime: p, generator: g };
}

/**
 * The client's half, once the server has sent p and g.
 *
 * @returns as a row of the agreement table does: `value` is e and `finish(f)` gives K; all three are bodies of mpints.
 */
export function startGroup(prime: Uint8Array, generator: Uint8Array, limits?: GroupLimits): AgreementInitiator {
  const group = requireGroup(prime, generator, limits);
  let initiator: AgreementInitiator;
  try {
    initiator = startFiniteField(group);
  } catch (error) {
    throw refusal('OpenSSL does not take the group', error);
  }
  // The powers of g soon come to 0 or 1 in a group made for it; decodeMpintBody refuses 0.
  if (!isInnerElement(decodeMpintBody(initiator.value, 'our share'), group.prime)) {
    throw refusal('the generator of the group has few powers');
  }
  return initiator;
}

/** The server's half, once the client has sent e (the body of the mpint, as in the agreement table). */
export function respondGroup(
  prime: Uint8Array,
  generator: Uint8Array,
  initiatorValue: Uint8Array,
  limits?: GroupLimits,
): AgreementResponse {
  return respondFiniteField(requireGroup(prime, generator, limits), initiatorValue);
}

/** Bits of an unsigned number without zeros in front. */
export function bitLength(unsigned: Uint8Array): number {
  return unsigned.length === 0 ? 0 : unsigned.length * 8 - (Math.clz32(unsigned[0]!) - 24);
}
