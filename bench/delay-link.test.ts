/** The delay link: nothing arrives too early, everything arrives in order, and memory is bounded. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { startDelayLink } from './delay-link.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];
after(() => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

function listen(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    serve(socket);
  });
  servers.push(server);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

function open(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  sockets.push(socket);
  return socket;
}

/** The clocks of timers and of performance.now() differ by less than this. */
const clockMs = 2;

test('a byte there and back takes a round trip at least, and the connection as much more', async () => {
  const port = await listen((socket) => socket.pipe(socket));
  const link = await startDelayLink({ targetPort: port, roundTripMs: 60, bytesPerSecond: 1e9 });
  const socket = open(link.port);
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    const start = performance.now();
    socket.write('x');
    await new Promise((resolve) => socket.once('data', resolve));
    times.push(performance.now() - start);
  }
  const [first = 0, ...more] = times;
  assert.ok(first >= 120 - clockMs, `${first} ms`);
  for (const time of more) assert.ok(time >= 60 - clockMs, `${time} ms`);
  await link.close();
});

test('what is sent at once arrives with the connection, however early', async () => {
  const port = await listen((socket) => socket.pipe(socket));
  const link = await startDelayLink({ targetPort: port, roundTripMs: 20, bytesPerSecond: 1e9 });
  await Promise.all(
    Array.from({ length: 50 }, async () => {
      const socket = open(link.port);
      const start = performance.now();
      socket.write('early');
      const echoed = await new Promise<Buffer>((resolve, reject) => {
        socket.once('data', resolve);
        socket.once('close', () => reject(new Error('it was closed')));
      });
      assert.equal(echoed.toString(), 'early');
      // The connection's three steps, and back.
      assert.ok(performance.now() - start >= 40 - clockMs);
    }),
  );
  await link.close();
});

test('what is sent arrives as it was, no faster than the rate, and the end behind it', async () => {
  const sent = randomBytes(4_000_003);
  const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  const port = await listen((socket) => {
    const got: Buffer[] = [];
    socket.on('data', (bytes: Buffer) => got.push(bytes));
    // Half closed: the answer goes the other way after the end of the question.
    socket.on('end', () => socket.end(digest(Buffer.concat(got))));
  });
  const link = await startDelayLink({ targetPort: port, roundTripMs: 20, bytesPerSecond: 20_000_000 });
  const socket = open(link.port);
  const start = performance.now();
  socket.end(sent);
  let answer = '';
  socket.on('data', (bytes: Buffer) => {
    answer += bytes.toString();
  });
  await new Promise((resolve) => socket.once('end', resolve));
  assert.equal(answer, digest(sent));
  assert.ok(performance.now() - start >= 200 + 20 - clockMs);
  await link.close();
});

test('a far end that does not read stops the near one, and no more lies in memory than the path holds', async () => {
  let far: Socket | undefined;
  const port = await listen((socket) => {
    far = socket;
    socket.pause();
  });
  const link = await startDelayLink({ targetPort: port, roundTripMs: 40, bytesPerSecond: 50_000_000 });
  const socket = open(link.port);
  const total = 64 * 1024 * 1024;
  let written = 0;
  const fill = () => {
    while (written < total) {
      written += 65_536;
      if (!socket.write(Buffer.alloc(65_536, written / 65_536))) break;
    }
  };
  socket.on('drain', fill);
  fill();
  // It has stopped when nothing was taken for as long as a round trip and then some.
  for (let before = -1; before !== socket.bytesWritten - socket.writableLength; ) {
    before = socket.bytesWritten - socket.writableLength;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  assert.ok(written < total, 'the near end was stopped');
  // 50 MB/s for 20 ms and the 25 ms of the router, and the piece that filled it.
  assert.ok(link.mostBytesHeld() <= 50_000 * 45 + 65_536, `${link.mostBytesHeld()} bytes`);
  let got = 0;
  let isRight = true;
  const done = new Promise<void>((resolve) => {
    far?.on('data', (bytes: Buffer) => {
      isRight &&= bytes[0] === ((got >> 16) + 1) % 256;
      got += bytes.length;
      if (got === total) resolve();
    });
  });
  far?.resume();
  await done;
  assert.ok(isRight);
  assert.ok(link.mostBytesHeld() <= 50_000 * 45 + 65_536);
  await link.close();
});

test('a connection that is cut at one end ends at the other, and gives back what it held', async () => {
  const port = await listen((socket) => {
    socket.once('data', () => socket.resetAndDestroy());
  });
  const link = await startDelayLink({ targetPort: port, roundTripMs: 10, bytesPerSecond: 1e8 });
  for (let round = 0; round < 3; round++) {
    const socket = open(link.port);
    socket.on('error', () => {});
    socket.write(Buffer.alloc(3_000_000));
    await new Promise((resolve) => socket.once('close', resolve));
  }
  await link.close();
});
