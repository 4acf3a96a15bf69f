import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { type Duplex, PassThrough } from 'node:stream';
import { test } from 'node:test';
import { join } from './join.ts';

/** Two ends of one connection. */
async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = new Socket({ allowHalfOpen: true });
  near.connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  server.close();
  return [near, far];
}

async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

test('sockets: bytes arrive whole both ways, each end by itself', async () => {
  const [a, left] = await socketPair();
  const [b, right] = await socketPair();
  join(left, right);
  const [up, down] = [randomBytes(3 * 2 ** 20), randomBytes(2 ** 20)];
  const [upSum, downSum] = [Buffer.from(up), Buffer.from(down)];
  a.end(up);
  assert.ok((await readAll(b)).equals(upSum));
  assert.equal(b.writable, true, 'the other direction goes on');
  b.end(down);
  assert.ok((await readAll(a)).equals(downSum));
  for (const stream of [a, b, left, right]) stream.destroy();
});

test('a reader that stops stops the writer at the other end, and goes on later', async () => {
  const [a, left] = await socketPair();
  const [b, right] = await socketPair();
  b.pause();
  join(left, right);
  const bytes = randomBytes(16 * 2 ** 20);
  const expected = Buffer.from(bytes);
  a.end(bytes);
  while (right.writableLength < 16 * 1024) await new Promise((resolve) => setImmediate(resolve));
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(right.writableLength < 1024 * 1024, `${right.writableLength} bytes wait`);
  assert.ok((await readAll(b)).equals(expected));
  for (const stream of [a, b, left, right]) stream.destroy();
});

test('who keeps what it is given keeps it whole: other streams, and those who listen in', async () => {
  const [a, left] = await socketPair();
  const through = new PassThrough({ readableHighWaterMark: 2 ** 24, writableHighWaterMark: 2 ** 24 });
  const heard: Buffer[] = [];
  const [b, right] = await socketPair();
  const bytes = randomBytes(2 ** 20);
  const expected = Buffer.from(bytes);
  join(left, through);
  a.end(bytes);
  // What came out of `left` waits in the stream and goes back through it.
  assert.ok((await readAll(a)).equals(expected));

  const [c, middle] = await socketPair();
  middle.on('data', (chunk: Buffer) => heard.push(chunk));
  join(middle, right);
  c.end(Buffer.from(expected));
  assert.ok((await readAll(b)).equals(expected));
  assert.ok(Buffer.concat(heard).equals(expected));
  for (const stream of [a, b, c, left, middle, right, through]) stream.destroy();
});

test('an end that fails or closes early ends the other', async () => {
  for (const how of ['error', 'close'] as const) {
    const [a, left] = await socketPair();
    const [b, right] = await socketPair();
    join(left, right);
    const closed = once(b, 'close');
    b.on('error', () => {});
    b.resume();
    b.on('end', () => b.end());
    left.destroy(how === 'error' ? new Error('gone') : undefined);
    await once(right, 'close');
    await closed;
    a.destroy();
  }
});
