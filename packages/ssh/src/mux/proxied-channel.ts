/** One channel of a proxy client: its two numbers, and what either end may still send. */
import {
  channelClose,
  channelEof,
  channelFailure,
  channelRequest,
  channelSuccess,
  readData,
  readExtendedData,
  readExtendedDataType,
  readWindowAdjust,
} from '../connection/messages.ts';
import { minPeerPacketBytes } from '../limits.ts';
import { muxError } from './message.ts';

/**
 * Followed as far as a client could harm the others with it: a server ends the whole connection over data beyond a window,
 * over replies it did not ask for and over messages to a channel that is closed.
 */
export class ProxiedChannel {
  /** The master's number, which the server knows. */
  readonly id: number;
  readonly clientId: number;
  serverId = 0;
  #state: 'opening' | 'open' | 'close-sent' | 'close-received' | 'closed' = 'opening';
  #creditBytes = 0;
  #maxPacketBytes = 0;
  #repliesOwed = 0;
  #isEofSent = false;
  /** What the server may still send: an adjustment past 32 bits is a fault that ends the connection. */
  #grantedBytes: number;

  /** @throws SshError where the client offers a channel that no server would open. */
  constructor(id: number, clientId: number, offer: { windowBytes: number; maxPacketBytes: number }) {
    if (offer.maxPacketBytes < minPeerPacketBytes) {
      throw muxError(`the client takes packets of at most ${offer.maxPacketBytes} bytes on a channel`);
    }
    this.id = id;
    this.clientId = clientId;
    this.#grantedBytes = offer.windowBytes;
  }

  get isOpen(): boolean {
    return this.#state !== 'opening';
  }

  get isCloseSent(): boolean {
    return this.#state === 'close-sent' || this.#state === 'closed';
  }

  /** Both sides have sent CLOSE: no message of it can come any more. */
  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  opened(serverId: number, windowBytes: number, maxPacketBytes: number): void {
    this.#state = 'open';
    this.serverId = serverId;
    this.#creditBytes = windowBytes;
    this.#maxPacketBytes = maxPacketBytes;
  }

  /** @throws SshError where the client may not send this message. */
  requireFromClient(payload: Buffer): void {
    const number = payload[0];
    if (this.isCloseSent) throw muxError(`message ${number} came behind the client's CLOSE`);
    switch (number) {
      case 93:
        this.#grantedBytes += readWindowAdjust(payload);
        if (this.#grantedBytes >= 2 ** 32) throw muxError('the client opens a window beyond 32 bits');
        return;
      case 94:
        this.#spend(readData(payload).length);
        return;
      case 95:
        readExtendedDataType(payload);
        this.#spend(readExtendedData(payload).length);
        return;
      case 96:
        channelEof.decode(payload);
        this.#isEofSent = true;
        return;
      case 97:
        channelClose.decode(payload);
        this.#state = this.#state === 'close-received' ? 'closed' : 'close-sent';
        return;
      case 98:
        channelRequest.decode(payload);
        return;
      default:
        (number === 99 ? channelSuccess : channelFailure).decode(payload);
        if (this.#repliesOwed-- === 0) throw muxError('the client answers a request that nobody made');
    }
  }

  /** What a message of the server's changes. */
  noteFromServer(payload: Buffer): void {
    switch (payload[0]) {
      case 93:
        this.#creditBytes += readWindowAdjust(payload);
        return;
      case 94:
        this.#grantedBytes -= readData(payload).length;
        return;
      case 95:
        readExtendedDataType(payload);
        this.#grantedBytes -= readExtendedData(payload).length;
        return;
      case 97:
        channelClose.decode(payload);
        this.#state = this.#state === 'close-sent' ? 'closed' : 'close-received';
        return;
      case 98:
        if (channelRequest.decode(payload).wantReply) this.#repliesOwed++;
        return;
      default:
    }
  }

  #spend(byteCount: number): void {
    if (this.#isEofSent) throw muxError("data came behind the client's EOF");
    if (byteCount > this.#maxPacketBytes) {
      throw muxError(`data of ${byteCount} bytes, where the server takes ${this.#maxPacketBytes} at once`);
    }
    if (byteCount > this.#creditBytes)
      throw muxError(`data of ${byteCount} bytes, where the window is ${this.#creditBytes}`);
    this.#creditBytes -= byteCount;
  }
}
