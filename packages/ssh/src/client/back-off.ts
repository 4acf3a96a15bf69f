/** How long to wait before trying again: doubling up to a bound, never exactly the same for two clients. */

export interface BackOff {
  /** The first pause, in milliseconds. Default 1000. */
  readonly firstMs: number;
  /** The longest pause. Default 60,000. */
  readonly mostMs: number;
  /** Attempts in a row before it is given up; 0 (the default) for no limit. */
  readonly attempts: number;
}

export const defaultBackOff: BackOff = { firstMs: 1000, mostMs: 60_000, attempts: 0 };

/**
 * The pause before an attempt, counted from 1. Between half and the whole of the doubled time: a thousand clients of a server
 * that was restarted do not all come back in the same second.
 */
export function backOffMs({ firstMs, mostMs }: BackOff, attempt: number, random: () => number = Math.random): number {
  const whole = Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 40));
  return Math.round(whole * (0.5 + random() / 2));
}
