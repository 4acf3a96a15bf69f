/** The sending half of a channel: cuts queued chunks into packets the peer's window and maximum allow. */

import type { SshError } from '../errors.ts';
import type { ConnectionLink } from '../transport/link.ts';
import { closedError } from './channel-sink.ts';
import type { KeystrokePacer } from './keystroke-pacer.ts';
import {
  channelClose,
  channelEof,
  dataHeadBytes,
  extendedDataHeadBytes,
  writeDataHead,
  writeExtendedDataHead,
} from './messages.ts';
import type { Scheduler, Sender } from './scheduler.ts';
import { type SendItem, SendQueue, type Sent } from './send-queue.ts';
import { SendWindow } from './window.ts';

/** More than this waiting on an interactive channel is no keystroke any more: it takes turns with the bulk. */
const urgentBytes = 32 * 1024;
/** Chunks up to this size are copied together into one packet: sealing a packet costs more than copying these. */
const joinBytes = 4 * 1024;

// One of each serves all channels, because the link keeps neither head nor body after the call.
const dataHead = Buffer.alloc(dataHeadBytes);
const extendedDataHead = Buffer.alloc(extendedDataHeadBytes);
const joined = Buffer.alloc(32 * 1024);

/** OpenSSH counts a datagram with the length that it puts before it in its own buffer, on the receiving side only. */
const datagramOverheadBytes = 4;

/** The channel as its sender sees it. */
export interface SendingChannel {
  readonly interactive: boolean;
  readonly onActivity: (() => void) | undefined;
  readonly remoteId: number;
  sentEof(): void;
  sentClose(): void;
}

/** Sends what its channel queued, a packet a turn. */
export class ChannelSender implements Sender {
  scheduled = false;
  window = new SendWindow(0, 0);
  /** Decides when keystrokes go out. */
  pacer: KeystrokePacer | undefined;
  readonly #channel: SendingChannel;
  readonly #link: ConnectionLink;
  readonly #scheduler: Scheduler;
  readonly #queue = new SendQueue();
  /** Whether the last thing that may follow data stands in the queue already. */
  #ended: 'no' | 'eof' | 'close' = 'no';

  constructor(channel: SendingChannel, link: ConnectionLink, scheduler: Scheduler) {
    this.#channel = channel;
    this.#link = link;
    this.#scheduler = scheduler;
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  get credit(): number {
    return this.window.credit;
  }

  get urgent(): boolean {
    return this.#channel.interactive && this.#queue.bytes <= urgentBytes;
  }

  /** The error of a write after EOF was queued. */
  get endedError(): SshError | undefined {
    return this.#ended !== 'no' ? closedError('for writing by end()') : undefined;
  }

  push(kind: SendItem['kind'], bytes: Buffer, sent?: Sent): void {
    if (this.#ended === 'close') {
      sent?.(closedError('by close()'));
      return;
    }
    if (kind === 'eof' || kind === 'close') this.#ended = kind;
    if (this.pacer !== undefined) {
      if (kind !== 'data') this.pacer.stop();
      else if (this.pacer.hold(this.#queue.bytes + bytes.length)) {
        // Taken at once, as a copy: whoever writes must not wait for the tick with the next key in hand.
        this.#queue.push(kind, Buffer.from(bytes));
        sent?.();
        return;
      }
    }
    this.#queue.push(kind, bytes, sent);
    this.wake();
  }

  addCredit(bytes: number): void {
    this.window.add(bytes);
    if (this.pacer?.holds !== true) this.wake();
  }

  /** Sends what can be sent. @returns whether there was anything. */
  wake(): boolean {
    if (!this.#canSend()) return false;
    this.#scheduler.wake(this);
    return true;
  }

  sendOne(): boolean {
    const item = this.#queue.head;
    if (item === undefined) return false;
    if (item.kind === 'data' || item.kind === 'stderr') this.#sendData(item);
    else {
      this.#queue.shift();
      if (item.kind === 'datagram') this.#sendDatagram(item);
      else if (item.kind === 'message') this.#link.send(item.bytes);
      else if (item.kind === 'eof') this.#sendEof();
      else this.sendClose(() => closedError('by close()'));
      item.sent?.();
    }
    return this.#canSend();
  }

  /** Sends CLOSE at once; what is still queued fails with the error. */
  sendClose(error: () => SshError): void {
    this.#ended = 'close';
    this.answerClose();
    this.#channel.sentClose();
    this.clear(error);
  }

  /** Sends CLOSE in answer to the peer's. */
  answerClose(): void {
    this.#link.send(channelClose.encode({ recipient: this.#channel.remoteId }));
  }

  dropData(): void {
    this.#queue.dropData();
  }

  /** @param error - made only where somebody waits to be told: its stack is a good part of what a short channel costs. */
  clear(error: () => SshError): void {
    this.pacer?.stop();
    if (this.#queue.head !== undefined) this.#queue.clear(error());
  }

  #canSend(): boolean {
    const item = this.#queue.head;
    if (item === undefined) return false;
    if (item.kind === 'datagram') return !this.#mustWait(item);
    return this.window.credit > 0 || item.bytes.length === 0 || item.kind === 'message';
  }

  #sendEof(): void {
    this.#link.send(channelEof.encode({ recipient: this.#channel.remoteId }));
    this.#channel.sentEof();
  }

  #sendData(item: SendItem): void {
    const waiting = item.bytes.length - item.offset;
    const byteCount = this.window.allow(waiting);
    if (byteCount === waiting && waiting <= joinBytes && item.next?.kind === item.kind) {
      this.#sendJoined(item);
      return;
    }
    const body =
      byteCount === item.bytes.length ? item.bytes : item.bytes.subarray(item.offset, item.offset + byteCount);
    if (byteCount > 0) this.#sendPacket(item.kind, body);
    this.#queue.advance(byteCount);
  }

  /** Several small chunks of one kind in one packet. */
  #sendJoined(first: SendItem): void {
    const room = this.window.allow(joined.length);
    const items: SendItem[] = [];
    let byteCount = 0;
    for (let item: SendItem | undefined = first; item?.kind === first.kind; item = this.#queue.head) {
      const length = item.bytes.length - item.offset;
      if (byteCount + length > room || length > joinBytes) break;
      byteCount += item.bytes.copy(joined, byteCount, item.offset);
      items.push(item);
      this.#queue.shift();
    }
    if (byteCount > 0) this.#sendPacket(first.kind, joined.subarray(0, byteCount));
    for (const item of items) item.sent?.();
  }

  /** Whole and by itself, or not at all: datagrams may be lost. */
  #sendDatagram({ bytes }: SendItem): void {
    const cost = this.#datagramCost(bytes);
    if (cost > this.window.credit || cost > this.window.maxPacketBytes) return;
    this.window.isLenient = true;
    this.#sendPacket('data', bytes);
    this.window.credit -= cost - bytes.length;
  }

  /** For the window to open; one that may never fit does not hold up those behind it. */
  #mustWait({ bytes }: SendItem): boolean {
    const cost = this.#datagramCost(bytes);
    return cost > this.window.credit && cost <= Math.min(this.window.maxPacketBytes, this.window.firstCredit / 2);
  }

  #datagramCost(bytes: Buffer): number {
    // Counted as the receiver counts: otherwise OpenSSH, when it lags by a window, ends the connection for exceeding it.
    const isOpenSsh = this.#link.peerIdentification.startsWith('SSH-2.0-OpenSSH');
    return bytes.length + (isOpenSsh ? datagramOverheadBytes : 0);
  }

  #sendPacket(kind: SendItem['kind'], body: Buffer): void {
    this.window.take(body.length);
    this.#channel.onActivity?.();
    if (kind === 'data') {
      writeDataHead(dataHead, this.#channel.remoteId, body.length);
      this.#link.send(dataHead, body);
    } else {
      writeExtendedDataHead(extendedDataHead, this.#channel.remoteId, body.length);
      this.#link.send(extendedDataHead, body);
    }
  }
}
