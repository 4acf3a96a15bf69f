import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Channel } from './channel.ts';
import { Connection } from './connection.ts';
import { FakeClock, MemoryLink, receive } from './linked-pair.test.kit.ts';

const nothing = Buffer.alloc(0);

interface PathOptions {
  /** The handshake has measured the path. */
  isKnown?: boolean;
  /** One way. */
  delayMs: number;
  bytesPerMs: number;
  pings?: boolean;
  totalBytes: number;
  /** How many bytes the reader takes per millisecond. */
  readBytesPerMs?: number;
}

/** A server that sends bulk to a client over a path of this delay and rate, in simulated time. */
async function transfer(options: PathOptions) {
  const clock = new FakeClock();
  const clientLink = new MemoryLink('client');
  const serverLink = new MemoryLink('server');
  clientLink.pings = options.pings ?? true;
  const accepted: Channel[] = [];
  const roundTripMs = options.isKnown ? options.delayMs * 2 : undefined;
  const client = new Connection(clientLink, { clock, roundTripMs });
  const server = new Connection(serverLink, {
    clock,
    channelHandlers: new Map([['bulk', (open) => void accepted.push(open.accept())]]),
  });
  connect(clock, clientLink, server, serverLink, options, true);
  connect(clock, serverLink, client, clientLink, options, false);
  const opening = client.openChannel('bulk', nothing);
  clock.advance(options.delayMs * 2 + 1);
  const channel = await opening;
  let received = 0;
  let waiting = 0;
  channel.attach({
    data(chunk) {
      received += chunk.length;
      if (options.readBytesPerMs === undefined) channel.consumed(chunk.length);
      else waiting += chunk.length;
    },
    eof() {},
    closed() {},
  });
  const chunk = Buffer.alloc(32 * 1024);
  const more = () => {
    if ((accepted[0] as Channel).queuedBytes < 2 ** 20) (accepted[0] as Channel).write(chunk, 'data', more);
  };
  for (let index = 0; index < 8; index++) more();
  const startMs = clock.now();
  const step = options.delayMs < 1 ? 0.1 : 5;
  while (received < options.totalBytes && clock.now() - startMs < 60_000) {
    clock.advance(step);
    for (let tick = 0; tick < 8; tick++) await Promise.resolve();
    if (options.readBytesPerMs !== undefined) {
      const taken = Math.min(waiting, options.readBytesPerMs * step);
      waiting -= taken;
      channel.consumed(taken);
    }
  }
  return { windowBytes: channel.receiveWindow.size, bytesPerMs: received / (clock.now() - startMs), client };
}

/** Carries messages with a delay; the way from the server has a rate and queues behind it, like a bottleneck link. */
function connect(
  clock: FakeClock,
  from: MemoryLink,
  to: Connection,
  toLink: MemoryLink,
  options: PathOptions,
  isUpstream: boolean,
): void {
  let freeAtMs = 0;
  from.onSend = () => {
    for (const payload of from.outbox.splice(0)) {
      freeAtMs = Math.max(freeAtMs, clock.now()) + (isUpstream ? 0 : payload.length / options.bytesPerMs);
      clock.setTimer(freeAtMs - clock.now() + options.delayMs, () => receive(to, toLink, payload));
    }
    for (const done of from.pingsAsked.splice(0)) {
      // Up without a queue; the answer goes down behind the data that waits there.
      clock.setTimer(options.delayMs, () => down.push(done));
    }
  };
  const down = {
    push(done: () => void) {
      const waitMs = Math.max(0, pathDown.freeAtMs - clock.now());
      clock.setTimer(waitMs + options.delayMs, done);
    },
  };
  if (!isUpstream) {
    Object.defineProperty(pathDown, 'freeAtMs', { get: () => freeAtMs, configurable: true });
  }
}

const pathDown = { freeAtMs: 0 };

test('a 100 ms path of 1 Gbit/s: the window grows to the bandwidth-delay product', async () => {
  const bytesPerMs = 125_000;
  const { windowBytes, bytesPerMs: reached } = await transfer({ delayMs: 50, bytesPerMs, totalBytes: 2 ** 28 });
  assert.ok(windowBytes >= bytesPerMs * 100, `${windowBytes}`);
  assert.ok(windowBytes <= bytesPerMs * 100 * 4, `${windowBytes}`);
  assert.ok(reached > bytesPerMs * 0.85, `${reached}`);
});

test('a path that is known to be long is filled from the first round trips on', async () => {
  const bytesPerMs = 125_000;
  const options = { delayMs: 50, bytesPerMs, totalBytes: 2 ** 28, isKnown: true };
  const { windowBytes, bytesPerMs: reached } = await transfer(options);
  assert.ok(windowBytes <= bytesPerMs * 100 * 4, `${windowBytes}`);
  assert.ok(reached > bytesPerMs * 0.9, `${reached}`);
});

test('the same where the peer has no ping: a global request measures', async () => {
  const { windowBytes } = await transfer({ delayMs: 50, bytesPerMs: 125_000, totalBytes: 2 ** 27, pings: false });
  assert.ok(windowBytes >= 125_000 * 100, `${windowBytes}`);
});

test('a slow path does not grow the window, even where its queue fills it', async () => {
  // 10 Mbit/s and 40 ms: the product is 50 kB, but 2 MiB stand in the queue, so that a probe takes two seconds.
  const { windowBytes } = await transfer({ delayMs: 20, bytesPerMs: 1250, totalBytes: 2 ** 24 });
  assert.equal(windowBytes, 2 ** 21);
});

test('loopback does not grow the window', async () => {
  const { windowBytes } = await transfer({ delayMs: 0.05, bytesPerMs: 500_000, totalBytes: 2 ** 28 });
  assert.equal(windowBytes, 2 ** 21);
});

test('a slow reader does not grow the window', async () => {
  const options = { delayMs: 50, bytesPerMs: 125_000, totalBytes: 2 ** 23, readBytesPerMs: 1000 };
  const { windowBytes } = await transfer(options);
  assert.equal(windowBytes, 2 ** 21);
});

test('growth stays within the limits of window and connection', async () => {
  const clock = new FakeClock();
  const link = new MemoryLink('client');
  link.pings = true;
  const limits = { maxWindowBytes: 6 * 2 ** 20, maxConnectionWindowBytes: 2 ** 26 + 2 ** 25 };
  const connection = new Connection(link, { clock, limits });
  const opening = connection.openChannel('x', nothing);
  const confirmation = Buffer.from([91, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0]);
  clock.advance(100);
  connection.receive(confirmation);
  const channel = await opening;
  link.outbox.length = 0;
  for (let round = 0; round < 5; round++) channel.growWindow(channel.receiveWindow.size * 2);
  assert.equal(channel.receiveWindow.size, 6 * 2 ** 20);
  assert.deepEqual(link.numbers, [93, 93]);
  assert.equal(
    link.outbox.reduce((sum, payload) => sum + payload.readUInt32BE(5), 0),
    4 * 2 ** 20,
  );
  channel.abort();
  channel.growWindow(2 ** 26);
  assert.equal(channel.receiveWindow.size, 6 * 2 ** 20);
});
