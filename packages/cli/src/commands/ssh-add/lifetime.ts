/** The lifetime that a certificate's end gives. */
import type { Certificate } from '@nacre/ssh/keys';

/** What fits into OpenSSH's int. */
const mostSeconds = 0x7fff_ffff;

/** Clocks differ: a certificate is kept a little longer than it is valid. */
const graceSeconds = 300n;
const forEver = 0xffff_ffff_ffff_ffffn;

/**
 * How long the agent is to keep a certificate: until it has expired, or for the lifetime asked for where that is shorter.
 *
 * @param lifetimeSeconds - that of -t; 0 for none.
 * @returns seconds, 0 for ever; undefined where it has expired already.
 */
export function certificateLifetime(
  { validBefore }: Pick<Certificate, 'validBefore'>,
  lifetimeSeconds: number,
  nowMs: number,
): number | undefined {
  if (validBefore === forEver) return lifetimeSeconds;
  const left = validBefore + graceSeconds - BigInt(Math.floor(nowMs / 1000));
  if (left <= 0n) return undefined;
  const seconds = left > BigInt(mostSeconds) ? mostSeconds : Number(left);
  return lifetimeSeconds === 0 ? seconds : Math.min(seconds, lifetimeSeconds);
}
