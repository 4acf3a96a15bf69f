/** The books of TunnelQuota, and the streams that are counted for them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Duplex, PassThrough } from 'node:stream';
import { test } from 'node:test';
import { parseTunnelQuota } from '@nacre/ssh/trust';
import { MeteredStream } from './metered-stream.ts';
import { LocalTunnelBooks, type TunnelOrder } from './tunnel-books.ts';

const orderOf = (quotas: readonly string[], more: Partial<TunnelOrder> = {}): TunnelOrder => ({
  user: 'ada',
  connection: 'first',
  key: undefined,
  quotas: quotas.map((text) => parseTunnelQuota(text.split(' '))),
  ...more,
});

async function openOf(books: LocalTunnelBooks, order: TunnelOrder): Promise<number | undefined> {
  const answer = await books.open(order);
  return 'ticket' in answer ? answer.ticket : undefined;
}

test('tunnels at a time: of a user over all connections, of a connection, of a key', async () => {
  for (const [per, same, other] of [
    ['user', { connection: 'second' }, { user: 'bob' }],
    ['connection', {}, { connection: 'second' }],
    ['key', { connection: 'second', user: 'bob', key: 'k' }, { key: 'l' }],
  ] as const) {
    const books = new LocalTunnelBooks();
    const order = orderOf([`connections=2 per=${per}`], per === 'key' ? { key: 'k' } : {});
    const first = await openOf(books, order);
    assert.ok(first !== undefined && (await openOf(books, { ...order, ...same })) !== undefined, per);
    assert.equal(await openOf(books, { ...order, ...same }), undefined, per);
    assert.ok((await openOf(books, { ...order, ...other })) !== undefined, per);
    await books.close(first, 0);
    // Twice is once.
    await books.close(first, 0);
    assert.ok((await openOf(books, order)) !== undefined, per);
    assert.equal(await openOf(books, order), undefined, per);
  }
});

test('a login without a key is counted as its user’s', async () => {
  const books = new LocalTunnelBooks();
  const order = orderOf(['connections=1 per=key']);
  assert.ok((await openOf(books, order)) !== undefined);
  assert.equal(await openOf(books, { ...order, connection: 'second' }), undefined);
});

test('bytes of one tunnel, and of all together, and what is left after their time', async () => {
  let now = 0;
  const books = new LocalTunnelBooks(() => now);
  const order = orderOf(['bytes=100', 'total-bytes=150 every=1h']);
  const first = (await openOf(books, order)) as number;
  const second = (await openOf(books, order)) as number;
  assert.equal(await books.count(first, 100), undefined);
  assert.match((await books.count(first, 1)) ?? '', /TunnelQuota bytes=100 per=user is used up/);
  assert.equal(await books.count(second, 49), undefined);
  assert.match((await books.count(second, 1)) ?? '', /total-bytes=150/);
  await books.close(first, 0);
  await books.close(second, 0);
  assert.deepEqual(await books.open(order), { refusal: 'TunnelQuota total-bytes=150 every=3600 per=user is used up' });
  now = 3600;
  assert.ok((await openOf(books, order)) !== undefined);
});

test('the books grow with what is to be remembered, and with nothing else', async () => {
  const books = new LocalTunnelBooks();
  for (let at = 0; at < 100; at++) {
    const connection = `c${at}`;
    const order = orderOf(['connections=5', 'total-bytes=1G per=connection'], { connection, user: `u${at}` });
    const ticket = (await openOf(books, order)) as number;
    await books.count(ticket, 10);
    await books.close(ticket, 5);
    await books.forget(connection);
  }
  assert.equal(books.size, 0);
  assert.match((await books.count(7, 1)) ?? '', /not in the books/);
});

test('a stream that is counted passes bytes and ends both ways, and no byte beyond what is allowed', async () => {
  const inner = new PassThrough();
  const stream = new MeteredStream(inner, () => true);
  const all: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => all.push(chunk));
  const big = Buffer.alloc(300_000, 7);
  stream.write(big);
  stream.end('end');
  await once(stream, 'end');
  assert.deepEqual(Buffer.concat(all), Buffer.concat([big, Buffer.from('end')]));
  assert.deepEqual([stream.bytesRead, stream.bytesWritten], [300_003, 300_003]);

  let left = 10;
  const written: Buffer[] = [];
  const sink = new Duplex({
    read: () => {},
    write: (chunk, _encoding, done) => {
      written.push(chunk);
      done();
    },
  });
  const limited = new MeteredStream(sink, (byteCount) => {
    left -= byteCount;
    return left >= 0;
  });
  limited.write(Buffer.alloc(8));
  const closed = once(limited, 'close');
  limited.write(Buffer.alloc(3));
  await closed;
  assert.equal(Buffer.concat(written).length, 8);
  assert.ok(sink.destroyed);
});

test('a stream that has gone, or breaks, takes its face with it', async () => {
  const gone = new PassThrough();
  gone.destroy();
  const late = new MeteredStream(gone, () => true);
  assert.ok(late.destroyed);
  const inner = new PassThrough();
  const stream = new MeteredStream(inner, () => true);
  const closed = new Promise((resolve) => stream.once('close', resolve));
  inner.destroy(new Error('reset'));
  await closed;
});
