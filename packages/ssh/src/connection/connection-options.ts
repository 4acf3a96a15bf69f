/** What a connection is made with: handlers, limits, a clock. */

import * as defaults from '../limits.ts';
import type { Clock } from '../transport/link.ts';
import type { ChannelTimeout } from './channel-timeouts.ts';
import type { ChannelOpenHandler } from './incoming-open.ts';
import type { RequestHandler } from './request-queue.ts';

/** The limits of one connection; each one's harm is told in limits.ts, which holds the defaults. */
export interface ConnectionLimits {
  maxChannels: number;
  maxPendingRequests: number;
  maxQueuedReplyBytes: number;
  initialWindowBytes: number;
  maxWindowBytes: number;
  maxConnectionWindowBytes: number;
  maxChannelPacketBytes: number;
  minPeerPacketBytes: number;
}

export interface ConnectionOptions {
  clock: Clock;
  /** Who decides about channels the peer opens, by type. A type without a handler is refused. */
  channelHandlers?: ReadonlyMap<string, ChannelOpenHandler>;
  /** Who answers global requests, by name. A request without a handler fails. */
  globalRequestHandlers?: ReadonlyMap<string, RequestHandler>;
  limits?: Partial<ConnectionLimits>;
  /** A round trip measured before, in the handshake say; helps to size windows. Too long is harmless. */
  roundTripMs?: number | undefined;
  /** When channels that carry nothing are closed; the first rule that fits counts. Default: never. */
  channelTimeouts?: readonly ChannelTimeout[] | undefined;
  /** How long the connection may have no channel at all before it is ended. Default 0: for ever. */
  unusedTimeoutMs?: number | undefined;
  /** Facts for a log: channels made and freed, requests of the peer's. */
  log?: ((level: 1 | 2 | 3, text: string) => void) | undefined;
  /** Told what a handler threw, for logs; the peer just sees its request refused. */
  onHandlerError?: (error: unknown) => void;
}

/** The limits given, and the defaults for the others. */
export function connectionLimits(given: Partial<ConnectionLimits> = {}): ConnectionLimits {
  const { maxChannels, maxPendingRequests, maxQueuedReplyBytes, initialWindowBytes, maxWindowBytes } = defaults;
  const { maxConnectionWindowBytes, maxChannelPacketBytes, minPeerPacketBytes } = defaults;
  return {
    maxChannels,
    maxPendingRequests,
    maxQueuedReplyBytes,
    initialWindowBytes,
    maxWindowBytes,
    maxConnectionWindowBytes,
    maxChannelPacketBytes,
    minPeerPacketBytes,
    ...given,
  };
}
