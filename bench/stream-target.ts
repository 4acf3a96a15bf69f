/**
 * One large stream through a tunnel: who pulls and pushes it, and what stands behind. What comes is compared in the buffer that it was read
 * into, and nothing speaks HTTP: a driver that takes as much as the tunnel would be what is measured.
 */
import { type AddressInfo, connect, createServer, type Socket, type TcpNetConnectOpts } from 'node:net';

/** What every stream holds, over and over. */
const block = Buffer.alloc(256 * 1024, 'x');
const readBytes = 64 * 1024;
/** Which way, and how many bytes. */
const orderBytes = 9;
const countBytes = 8;

export type Way = 'get' | 'put';

export interface StreamTarget {
  readonly port: number;
  close(): Promise<void>;
}

/** Sends as many bytes as it is asked for, or takes them and tells how many were as they should be. */
export async function startStreamTarget(): Promise<StreamTarget> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let order = Buffer.alloc(0);
    let taken = 0;
    socket.on('data', (chunk: Buffer) => {
      let bytes = chunk;
      if (order.length < orderBytes) {
        const missing = orderBytes - order.length;
        order = Buffer.concat([order, chunk.subarray(0, missing)]);
        if (order.length < orderBytes) return;
        if (order[0] === 0) return void sendBlocks(socket, lengthIn(order)).then(() => socket.end());
        bytes = chunk.subarray(missing);
      }
      taken += countGood(bytes);
      if (!(taken < lengthIn(order))) socket.end(lengthOf(taken));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** How a tunnel is entered: the port of -L, or that of -D and the port behind it. */
export interface Entrance {
  readonly port: number;
  readonly socksTarget?: number;
}

/** Moves so many bytes. @returns how many arrived as they should be. */
export async function moveThrough(entrance: Entrance, way: Way, byteCount: number): Promise<number> {
  const entry = await Entry.open(entrance.port);
  try {
    if (entrance.socksTarget !== undefined) await entry.askProxy(entrance.socksTarget);
    const order = Buffer.concat([Buffer.of(way === 'get' ? 0 : 1), lengthOf(byteCount)]);
    if (way === 'put') {
      entry.socket.write(order);
      await sendBlocks(entry.socket, byteCount);
      return lengthIn(await entry.take(countBytes), 0);
    }
    let count = 0;
    const ended = new Promise<void>((resolve, reject) => {
      entry.socket.on('error', reject);
      entry.socket.on('close', () => resolve());
      entry.onBytes = (bytes) => {
        count += countGood(bytes);
        if (!(count < byteCount)) resolve();
      };
    });
    entry.socket.write(order);
    await ended;
    return count;
  } finally {
    entry.socket.destroy();
  }
}

/** A connection whose bytes are read into one buffer, and are gone with the next. */
class Entry {
  readonly socket: Socket;
  onBytes: (bytes: Buffer) => void = () => {};

  private constructor(port: number, opened: (error?: Error) => void) {
    const buffer = Buffer.allocUnsafe(readBytes);
    this.socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer,
        callback: (byteCount: number) => {
          this.onBytes(buffer.subarray(0, byteCount));
          return true;
        },
      },
    } as TcpNetConnectOpts);
    this.socket.once('connect', () => opened());
    this.socket.once('error', opened);
  }

  static open(port: number): Promise<Entry> {
    return new Promise((resolve, reject) => {
      const entry: Entry = new Entry(port, (error) => (error === undefined ? resolve(entry) : reject(error)));
    });
  }

  /** Exactly so many bytes, of which the other end sends no more for now. */
  take(byteCount: number): Promise<Buffer> {
    let taken = Buffer.alloc(0);
    return new Promise((resolve, reject) => {
      this.socket.once('close', () =>
        reject(new Error(`the tunnel ended after ${taken.length} of ${byteCount} bytes`)),
      );
      this.onBytes = (bytes) => {
        taken = Buffer.concat([taken, bytes]);
        if (taken.length >= byteCount) resolve(taken);
      };
    });
  }

  /** RFC 1928: version 5, one method, none; then CONNECT to an IPv4 address. */
  async askProxy(targetPort: number): Promise<void> {
    this.socket.write(Buffer.of(5, 1, 0));
    await this.take(2);
    this.socket.write(Buffer.of(5, 1, 0, 1, 127, 0, 0, 1, targetPort >> 8, targetPort & 0xff));
    const answer = await this.take(10);
    if (answer[1] !== 0) throw new Error(`the proxy answers ${answer[1]}`);
  }
}

async function sendBlocks(socket: Socket, byteCount: number): Promise<void> {
  for (let left = byteCount; left > 0 && !socket.destroyed; ) {
    const part = block.subarray(0, Math.min(left, block.length));
    left -= part.length;
    if (!socket.write(part)) await hasRoom(socket);
  }
}

function hasRoom(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      socket.off('drain', go);
      socket.off('close', go);
      resolve();
    };
    socket.on('drain', go);
    socket.on('close', go);
  });
}

/** NaN for anything else than what was sent. */
function countGood(bytes: Buffer): number {
  return bytes.length <= block.length && bytes.equals(block.subarray(0, bytes.length)) ? bytes.length : Number.NaN;
}

function lengthOf(count: number): Buffer {
  const bytes = Buffer.alloc(countBytes);
  // Of what was not as it should be there is no number.
  bytes.writeBigUInt64BE(Number.isNaN(count) ? 0n : BigInt(count));
  return bytes;
}

function lengthIn(bytes: Buffer, at = 1): number {
  return Number(bytes.readBigUInt64BE(at));
}
