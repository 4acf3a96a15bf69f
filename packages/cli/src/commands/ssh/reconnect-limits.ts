/** The limits of --reconnect: `first=1,most=60,attempts=0,hold=10`. */
import { parseDuration } from '../../flags/duration.ts';
import { FatalError } from './end.ts';

export interface ReconnectLimits {
  /** The first pause and the longest one, in milliseconds. */
  readonly firstMs?: number;
  readonly mostMs?: number;
  /** Attempts in a row before it is given up; 0 for no limit. */
  readonly attempts?: number;
  /** How long a new connection waits for the server while it is gone. */
  readonly holdMs?: number;
}

/**
 * Reads them; times as ssh_config has them (`90`, `5m`).
 *
 * @throws FatalError where there is anything else.
 */
export function parseReconnectLimits(text: string): ReconnectLimits {
  const limits: { -readonly [K in keyof ReconnectLimits]: ReconnectLimits[K] } = {};
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const [name, value] = [part.slice(0, at), part.slice(at + 1)];
    const seconds = parseDuration(value);
    if (name === 'attempts' && /^\d{1,9}$/.test(value)) limits.attempts = Number(value);
    else if (name === 'first' && seconds !== undefined && seconds > 0) limits.firstMs = seconds * 1000;
    else if (name === 'most' && seconds !== undefined && seconds > 0) limits.mostMs = seconds * 1000;
    else if (name === 'hold' && seconds !== undefined) limits.holdMs = seconds * 1000;
    else {
      throw new FatalError(
        `Bad --reconnect-limits '${text}': it takes first, most and hold (times) and attempts (a number), as in ` +
          '"first=2,most=5m,attempts=20,hold=30".',
        { always: true },
      );
    }
  }
  return limits;
}
