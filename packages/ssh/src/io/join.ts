/** Joins two byte streams: what one reads the other writes, and each direction ends by itself. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ChannelStream } from '../connection/index.ts';
import { releaseMemory } from './release-memory.ts';
import { type Tap, tapOf } from './tapped-socket.ts';

/**
 * Carries bytes both ways until both streams are closed. An end that fails or closes takes the other along, once that has passed on
 * what it was given.
 */
export function join(a: Duplex, b: Duplex): void {
  carry(a, b);
  carry(b, a);
}

function carry(from: Duplex, to: Duplex): void {
  // It may have said something before it failed, and the other side must not wait for more.
  from.on('error', () => finish(to));
  from.on('close', () => {
    if (!from.readableEnded) finish(to);
  });
  // Nobody takes what it says any more.
  to.on('close', () => finish(from));
  if (!ownsChunks(from) || !ownsChunks(to)) {
    from.pipe(to);
    return;
  }
  carryOwned(from, to);
  const tap = tapOf(from);
  if (tap !== undefined && to instanceof ChannelStream) carryTapped(from as Socket, tap, to);
}

/** Each chunk that comes out is memory that nobody else holds, and one that is written is needed no more once that was done. */
function ownsChunks(stream: Duplex): boolean {
  return stream instanceof Socket || stream instanceof ChannelStream;
}

/** As `pipe`, and frees what was written. */
function carryOwned(from: Duplex, to: Duplex): void {
  from.on('data', (chunk: Buffer) => {
    if (to.destroyed || to.writableEnded) return;
    // Whoever listens in may keep what it heard.
    const isOurs = from.listenerCount('data') === 1;
    const isTaken = to.write(chunk, (error) => {
      if (isOurs && (error === null || error === undefined)) releaseMemory([chunk]);
    });
    if (!isTaken) from.pause();
  });
  from.on('end', () => to.end());
  to.on('drain', () => from.resume());
  if (to.writableNeedDrain) from.pause();
  else from.resume();
}

/** So much makes it bulk. */
const bulkBytes = 1024 * 1024;
const bulkBufferBytes = 128 * 1024;

/**
 * Bulk is read into a buffer of the connection's own, from which it is sealed: nothing is copied or allocated, and nothing is read
 * while it waits to be sent.
 */
function carryTapped(from: Socket, tap: Tap, to: ChannelStream): void {
  let passedBytes = 0;
  tap.watch = (byteCount) => {
    passedBytes += byteCount;
    if (passedBytes < bulkBytes) return;
    tap.watch = undefined;
    tap.buffer = Buffer.allocUnsafeSlow(bulkBufferBytes);
  };
  tap.take = (chunk) => {
    // What came before goes first, and whoever listens in hears all of it.
    if (from.readableLength > 0 || to.writableLength > 0 || from.listenerCount('data') > 1) return undefined;
    if (to.destroyed || to.writableEnded) return true;
    let isSent = false;
    let isWaiting = false;
    to.channel.write(chunk, 'data', (error) => {
      isSent = true;
      // A channel that takes no more closes, and this end with it.
      if (isWaiting && error === undefined && !from.destroyed) from.resume();
    });
    isWaiting = !isSent;
    return isSent;
  };
}

/** How long the other end of a socket may take to close its side after we closed ours. */
const lingerMs = 2000;
const finishing = new WeakSet<Duplex>();

/** What a stream was given goes out, what it still says is dropped, and it closes. */
function finish(stream: Duplex): void {
  if (stream.destroyed || finishing.has(stream)) return;
  finishing.add(stream);
  const close = (): void => {
    if (!(stream instanceof Socket)) {
      stream.destroy();
      return;
    }
    // Closing over unread bytes would reset the connection, and the other end would lose our last words.
    const timer = setTimeout(() => stream.destroy(), lingerMs);
    timer.unref();
    stream.once('close', () => clearTimeout(timer));
  };
  stream.resume();
  if (!stream.writableEnded) stream.end();
  if (stream.writableFinished) close();
  else stream.once('finish', close);
}
