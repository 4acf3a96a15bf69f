import assert from 'node:assert/strict';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { ChannelStream, type ChannelStreamOptions } from './channel-stream.ts';
import { linkedPair, type Pair, pattern } from './linked-pair.test.kit.ts';
import * as messages from './messages.ts';

const nothing = Buffer.alloc(0);
const gone = new SshError('gone', { code: 'connection-lost', stage: 'transport' });

interface Streams extends Pair {
  local: ChannelStream;
  remote: ChannelStream;
}

async function streams(windowBytes = 2 ** 21, localOptions: ChannelStreamOptions = {}): Promise<Streams> {
  const accepted: ChannelStream[] = [];
  const pair = linkedPair({
    server: {
      channelHandlers: new Map([
        ['test', (open) => void accepted.push(new ChannelStream(open.accept({ windowBytes })))],
      ]),
    },
  });
  const opening = pair.client.openChannel('test', nothing, { windowBytes });
  pair.deliver();
  return { ...pair, local: new ChannelStream(await opening, localOptions), remote: accepted[0] as ChannelStream };
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Runs deliveries until the promise settles. */
async function during<T>(pair: Pair, promise: Promise<T>): Promise<T> {
  let settled = false;
  const mark = () => {
    settled = true;
  };
  promise.then(mark, mark);
  for (let round = 0; round < 10_000 && !settled; round++) await pair.settle();
  return promise;
}

test('a whole file goes through both ways at once, by async iteration and by pipeline', async () => {
  const pair = await streams(70_000);
  const there = pattern(1_000_000, 1);
  const back = pattern(800_000, 2);
  const received: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      received.push(chunk);
      setImmediate(done);
    },
  });
  const [read] = await during(
    pair,
    Promise.all([
      collect(pair.local),
      pipeline(pair.remote, sink),
      pipeline(Readable.from([there]), pair.local as Writable),
      pipeline(Readable.from([back.subarray(0, 5), back.subarray(5)]), pair.remote as Writable),
    ]),
  );
  assert.deepEqual(read, back);
  assert.deepEqual(Buffer.concat(received), there);
  await pair.settle();
  assert.equal(pair.client.channelCount, 0, 'both ends read and written: the channel closes by itself');
});

test('back-pressure is exact: the peer stops at the window, and gets exactly what was read', async () => {
  const pair = await streams(100_000);
  const { local, remote } = pair;
  let accepted = 0;
  const chunk = Buffer.alloc(10_000);
  while (local.write(chunk, () => (accepted += chunk.length))) await pair.settle();
  await pair.settle();
  assert.equal(accepted, 100_000, 'callbacks come only for what was handed to the link');
  assert.equal(remote.readableLength, 100_000);
  assert.equal(local.channel.sendCredit, 0);
  assert.equal(remote.channel.receiveWindow.credit, 0);
  await pair.settle();
  assert.equal(remote.readableLength, 100_000, 'nothing more comes while nobody reads');
  assert.equal((remote.read(60_000) as Buffer).length, 60_000);
  assert.equal(remote.channel.receiveWindow.credit, 60_000, 'credit for what was read, not more');
  await pair.settle();
  assert.equal(remote.readableLength, 100_000);
  local.destroy();
  remote.destroy();
});

test('a flowing reader gives the window back at once; a paused one keeps it', async () => {
  const pair = await streams(100_000);
  let read = 0;
  pair.remote.on('data', (chunk: Buffer) => {
    read += chunk.length;
  });
  await pair.settle();
  pair.local.write(Buffer.alloc(90_000));
  await pair.settle();
  assert.equal(read, 90_000);
  assert.ok(pair.remote.channel.receiveWindow.credit >= 50_000);
  pair.remote.pause();
  pair.local.write(Buffer.alloc(150_000));
  await pair.settle();
  assert.equal(read, 90_000);
  pair.remote.resume();
  await pair.settle();
  assert.equal(read, 240_000);
});

test('data, EOF and CLOSE in one go: everything is read before the end, however late reading starts', async () => {
  const pair = await streams();
  const data = pattern(300_000);
  pair.remote.end(data);
  await pair.settle();
  pair.remote.channel.close();
  await pair.settle();
  assert.equal(pair.local.channel.state, 'closed');
  assert.deepEqual(await collect(pair.local), data);
});

test('CLOSE without EOF ends the reader too, and a writer whose data was lost is told', async () => {
  const pair = await streams(1000);
  pair.remote.write(Buffer.from('last words'));
  await pair.settle();
  const writing = pipeline(Readable.from([Buffer.alloc(50_000)]), pair.local as Writable);
  const failed = assert.rejects(writing, (error: unknown) => error instanceof SshError && error.code === 'closed');
  await pair.settle();
  const reading = collect(pair.local);
  pair.remote.destroy();
  assert.equal((await during(pair, reading)).toString(), 'last words');
  await during(pair, failed);
});

test('a writer that nobody answers by reading is told at once', async () => {
  const pair = await streams(1000);
  const writing = pipeline(Readable.from([Buffer.alloc(50_000)]), pair.local as Writable);
  const failed = assert.rejects(writing, (error: unknown) => error instanceof SshError && error.code === 'closed');
  await pair.settle();
  pair.remote.destroy();
  await during(pair, failed);
});

test('the end of the connection: a reader gets what came, then the error; a writer gets the error', async () => {
  const pair = await streams(1000);
  pair.remote.write(Buffer.from('came through'));
  await pair.settle();
  const read: string[] = [];
  const reading = (async () => {
    for await (const chunk of pair.local) read.push(String(chunk));
  })();
  const writing = new Promise((resolve) => {
    pair.local.write(Buffer.alloc(50_000), resolve);
  });
  pair.client.end(gone);
  await assert.rejects(reading, gone);
  assert.deepEqual(read, ['came through']);
  assert.ok((await writing) instanceof Error);
  assert.equal(await pair.local.channel.closed, gone);
});

test('no error event without a listener: a peer cannot end the process', async () => {
  const pair = await streams(1000, { stderr: true });
  const { local, remote, client, server } = pair;
  local.write(Buffer.alloc(5000));
  remote.write(Buffer.alloc(10));
  await pair.settle();
  client.end(gone);
  server.end(gone);
  local.write(Buffer.alloc(10));
  remote.write(Buffer.alloc(10));
  remote.end();
  remote.write(Buffer.alloc(10));
  await pair.settle();
  assert.equal(local.destroyed, true);
  // With a listener it is told.
  const second = await streams();
  const told = new Promise((resolve) => second.local.once('error', resolve));
  second.client.end(gone);
  assert.equal(await told, gone);
});

test('destroy closes the channel, and late data is dropped', async () => {
  const pair = await streams(1000);
  pair.remote.write(Buffer.alloc(5000));
  pair.deliver();
  pair.local.destroy();
  await pair.settle();
  assert.equal(pair.client.channelCount + pair.server.channelCount, 0);
  assert.equal(pair.clientLink.failure ?? pair.serverLink.failure, undefined);
});

test('stderr is a stream of its own on the same window', async () => {
  const pair = await streams(1000, { stderr: true });
  const { local, remote } = pair;
  const stderr = local.stderr as Readable;
  const writer = remote.createStderrWriter();
  writer.write(Buffer.alloc(1000, 'e'));
  remote.write(Buffer.from('out'));
  await pair.settle();
  assert.equal(stderr.readableLength, 1000);
  assert.equal(local.readableLength, 0, 'unread stderr holds the one window there is');
  assert.equal((stderr.read() as Buffer).length, 1000);
  await pair.settle();
  assert.equal(String(local.read()), 'out');
  remote.end();
  await pair.settle();
  assert.equal(remote.channel.state, 'open', 'EOF waits for stderr');
  writer.end('last');
  const all = during(pair, Promise.all([collect(local), collect(stderr)]));
  assert.deepEqual((await all).map(String), ['', 'last']);
});

test('a stream without stderr gives the window for it back', async () => {
  const pair = await streams(1000);
  const writer = pair.remote.createStderrWriter();
  for (let round = 0; round < 10; round++) writer.write(Buffer.alloc(1000));
  await pair.settle();
  assert.equal(writer.writableLength, 0);
});

test('memory stays flat while the reader is slow', async () => {
  const pair = await streams(2 ** 20);
  const source = new Readable({
    highWaterMark: 64 * 1024,
    read() {
      this.push(Buffer.alloc(64 * 1024));
    },
  });
  source.pipe(pair.local);
  for (let round = 0; round < 50; round++) {
    await pair.settle();
    const held = pair.remote.readableLength + pair.local.writableLength + pair.local.channel.queuedBytes;
    assert.ok(held <= 2 ** 20 + 3 * 256 * 1024, `${held}`);
    pair.remote.read(64 * 1024);
  }
  source.destroy();
  pair.local.destroy();
  pair.remote.destroy();
  await pair.settle();
});

test('pushed data are views of the received payload', async () => {
  const pair = await streams();
  const payload = messages.channelData.encode({ recipient: pair.local.channel.id, data: pattern(5000) });
  pair.client.receive(payload);
  const chunk = pair.local.read() as Buffer;
  assert.equal(chunk.buffer, payload.buffer);
});
