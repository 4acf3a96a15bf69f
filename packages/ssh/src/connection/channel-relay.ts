/** Who speaks for channels of a connection in place of the connection itself. */
import type { SshError } from '../errors.ts';

/** A CHANNEL_OPEN of the peer's. */
export interface RelayedOpen {
  readonly type: string;
  /** The peer's number for the channel. */
  readonly sender: number;
  readonly windowBytes: number;
  readonly maxPacketBytes: number;
  readonly data: Buffer;
}

/** Who speaks for channels. What it sends goes to the connection's link as it is. */
export interface ChannelRelay {
  /**
   * A message of the peer's (91 to 100) for a channel of this relay.
   *
   * @param payload - memory that is the relay's from now on.
   * @throws SshError when the peer broke a rule; the connection ends with it.
   */
  receive(id: number, payload: Buffer): void;
  /** Whether it takes a channel that the peer opens; it answers then. */
  takesOpen(open: RelayedOpen, payload: Buffer): boolean;
  /** The link takes bulk data again. */
  onLinkReady(): void;
  /** The connection is over. */
  end(error: SshError): void;
}
