/** A path of 1 Gbit/s and 100 ms to a server of this machine, and what plain TCP gets out of it. */
import { connect, createServer, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { startProgram } from '../test/harness/programs.ts';

export const longPath = { bytesPerSecond: 125_000_000, roundTripMs: 100 } as const;

/** Puts the path before a port of 127.0.0.1, in a process of its own; gives the port at the near end. */
export async function startLongPath(targetPort: number): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const program = fileURLToPath(new URL('programs/delay-link.js', import.meta.url));
  const { bytesPerSecond, roundTripMs } = longPath;
  const argv = [process.execPath, program, ...[targetPort, bytesPerSecond, roundTripMs].map(String)];
  const running = startProgram(argv);
  const [, port] = await running.waitForLog(/^listening on (\d+)$/m);
  return { port: Number(port), stop: running.stop };
}

export interface PathSpeed {
  readonly megabytesPerSecond: number;
  readonly roundTripMs: number;
}

/** Sends bytes over the path by plain TCP, and single bytes to and fro. */
export async function measurePath(byteCount: number): Promise<PathSpeed> {
  const sink = await listen((socket) => {
    let got = 0;
    let isPing = false;
    socket.on('data', (bytes: Buffer) => {
      if (got === 0) isPing = bytes[0] === ping;
      got += bytes.length;
      // The first byte and the last are answered, so that the clock runs over there as over here.
      if (isPing || got === byteCount) socket.write(bytes.subarray(0, 1));
    });
  });
  const path = await startLongPath(sink.port);
  try {
    const pinging = await open(path.port);
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      const start = performance.now();
      pinging.write(Buffer.of(ping));
      await once(pinging);
      times.push(performance.now() - start);
    }
    pinging.destroy();
    // The first answer waited for the connection as well.
    const roundTripMs = times.slice(1).sort((a, b) => a - b)[1] ?? 0;
    const sending = await open(path.port);
    sending.write(Buffer.of(0));
    const start = performance.now();
    const block = Buffer.alloc(1024 * 1024, 1);
    for (let left = byteCount - 1; left > 0; left -= block.length) {
      if (!sending.write(block.subarray(0, left))) await new Promise<void>((go) => sending.once('drain', go));
    }
    await once(sending);
    // The greeting of TCP, after whose two first steps we send, and the way there and back are no part of the rate.
    const seconds = (performance.now() - start - 2 * roundTripMs) / 1000;
    sending.destroy();
    return { megabytesPerSecond: byteCount / 1e6 / seconds, roundTripMs };
  } finally {
    await path.stop();
    await sink.close();
  }
}

const ping = 7;

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.on('error', reject);
  });
}

function once(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('data', () => resolve()));
}

function listen(serve: (socket: Socket) => void): Promise<{ readonly port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const close = () =>
        new Promise<void>((closed) => {
          for (const socket of sockets) socket.destroy();
          server.close(() => closed());
        });
      resolve({ port: typeof address === 'object' && address !== null ? address.port : 0, close });
    });
  });
}
