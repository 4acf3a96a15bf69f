/** Lifetimes: those of -t, and the one that a certificate's end gives. */
import type { Certificate } from '@nacre/ssh/keys';

const unitSeconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
/** What fits into OpenSSH's int. */
const mostSeconds = 0x7fff_ffff;

/** `3600`, `1h30m`, `2w`: seconds; 0 means for ever. Undefined where the text is no time, or too long a one. */
export function parseLifetime(text: string): number | undefined {
  if (!/^(?:\d+[smhdw]?)+$/i.test(text)) return undefined;
  let seconds = 0;
  for (const [, digits = '', unit = ''] of text.matchAll(/(\d+)([smhdw]?)/gi)) {
    seconds += Number(digits) * (unitSeconds[unit.toLowerCase()] as number);
  }
  return seconds <= mostSeconds ? seconds : undefined;
}

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
