/** The states of a channel, and what takes its events. */

import { SshError } from '../errors.ts';
import type { IncomingRequest } from './request-queue.ts';

/**
 * ```
 * opening ──confirmed──► open ──our EOF──► eof-sent ─────peer's EOF──► eof-both
 *    │                     └──peer's EOF─► eof-received ──our EOF────► eof-both
 *    │            open, eof-…: ──our CLOSE──► closing ──peer's CLOSE──► closed
 *    │            open, eof-…: ──peer's CLOSE (answered at once)──────► closed
 *    └──refused, or the connection ends (from any state)──────────────► closed
 * ```
 */
export type ChannelState = 'opening' | 'open' | 'eof-sent' | 'eof-received' | 'eof-both' | 'closing' | 'closed';

/** What takes the channel's events. Data are views of received memory that nobody else uses: they may be kept. */
export interface ChannelSink {
  /** Data came. The peer gets its window back only through Channel.consumed(). */
  data(chunk: Buffer): void;
  /** stderr data came; without this method it is dropped (a server has no use for it), the window given back. */
  stderr?(chunk: Buffer): void;
  /** A channel request came; without this method it is refused. Requests are handled one after the other. */
  request?(request: IncomingRequest): boolean | Promise<boolean>;
  /** The peer sends no more data. */
  eof(): void;
  /** The last event: both CLOSEs are through (no error), or the connection ended. All data was delivered before. */
  closed(error: SshError | undefined): void;
}

/** The error of using a channel that is closed. */
export function closedError(how: string): SshError {
  return new SshError(`the channel was closed ${how}`, { code: 'closed', stage: 'channel' });
}
