/** What stands behind a tunnel that is measured: an HTTP server whose answers are as long as it is told. */
import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface Target {
  readonly port: number;
  close(): Promise<void>;
}

const block = Buffer.alloc(256 * 1024, 'x');

/** `GET /N` answers with N bytes. */
export async function startTarget(): Promise<Target> {
  const server = createServer((incoming, outgoing) => {
    let left = Number(incoming.url?.slice(1));
    outgoing.setHeader('Content-Length', left);
    const write = () => {
      while (left > 0) {
        const part = block.subarray(0, Math.min(left, block.length));
        left -= part.length;
        if (!outgoing.write(part)) {
          outgoing.once('drain', write);
          return;
        }
      }
      outgoing.end();
    };
    write();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function isAsSent(chunk: Buffer): boolean {
  return chunk.length <= block.length && chunk.equals(block.subarray(0, chunk.length));
}

/** How a tunnel is entered: straight, or through SOCKS 5. */
export type Enter = () => Promise<Socket>;

export function enterPort(port: number): Enter {
  return () => opened(connect({ port, host: '127.0.0.1', noDelay: true }));
}

export function enterSocks(port: number, targetPort: number): Enter {
  return async () => {
    const socket = await opened(connect({ port, host: '127.0.0.1', noDelay: true }));
    // RFC 1928: version 5, one method, none; then CONNECT to an IPv4 address.
    socket.write(Buffer.of(5, 1, 0));
    await take(socket, 2);
    socket.write(Buffer.of(5, 1, 0, 1, 127, 0, 0, 1, targetPort >> 8, targetPort & 0xff));
    const answer = await take(socket, 10);
    if (answer[1] !== 0) throw new Error(`the proxy answers ${answer[1]}`);
    return socket;
  };
}

function opened(socket: Socket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

async function take(socket: Socket, byteCount: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(byteCount) as Buffer | null;
    if (bytes !== null) return bytes;
    await new Promise((resolve, reject) => {
      socket.once('readable', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the proxy hung up')));
    });
  }
}

/** One request on a connection of its own; gives how many bytes of the answer were as they should be. */
export async function fetchThrough(enter: Enter, byteCount: number): Promise<number> {
  const socket = await enter();
  return new Promise((resolve, reject) => {
    const outgoing = request({ path: `/${byteCount}`, createConnection: () => socket }, (incoming: IncomingMessage) => {
      let count = 0;
      incoming.on('data', (chunk: Buffer) => {
        count += isAsSent(chunk) ? chunk.length : Number.NaN;
      });
      incoming.on('end', () => resolve(count));
      incoming.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
