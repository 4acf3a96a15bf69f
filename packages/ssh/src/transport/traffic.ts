/** What a connection has carried on the wire. */

/** Plain data. */
export interface TransportTraffic {
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Changes of keys after the first exchange. */
  readonly rekeys: number;
}

export const noTraffic: TransportTraffic = { bytesReceived: 0, bytesSent: 0, rekeys: 0 };

/** The traffic of two alone, whatever else they hold. */
export function addTraffic(one: TransportTraffic, other: TransportTraffic): TransportTraffic {
  return {
    bytesReceived: one.bytesReceived + other.bytesReceived,
    bytesSent: one.bytesSent + other.bytesSent,
    rekeys: one.rekeys + other.rekeys,
  };
}
