/** Reading and writing with many requests under way, against servers that do what servers may, and what they must not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { BodyPool } from './body-pool.ts';
import { Budget } from './budget.ts';
import type { SftpClient } from './client.ts';
import { startMemory } from './memory-server.test.kit.ts';
import * as messages from './messages.ts';
import { PathWindow } from './path-window.ts';
import type { ReadRange } from './pipelined-reader.ts';
import { status } from './scripted-server.test.kit.ts';

function bytesOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8)) & 0xff;
  return bytes;
}

async function readAll(sftp: SftpClient, path: string, range: ReadRange = {}): Promise<Buffer> {
  const file = await sftp.open(path);
  const parts: Buffer[] = [];
  const reader = file.reader(range);
  let position = range.start ?? 0;
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
    assert.equal(chunk.position, position);
    position += chunk.data.length;
    parts.push(Buffer.from(chunk.data));
    chunk.release();
  }
  await file.close();
  return Buffer.concat(parts);
}

test('any size, any order of answers, any shortness of reads: the same bytes, in order', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 400_000 }),
      fc.integer({ min: 300, max: 40_000 }),
      fc.infiniteStream(fc.nat(1000)),
      fc.integer({ min: 1, max: 200_000 }),
      async (size, maxRead, numbers, budgetBytes) => {
        const pick = (count: number) => (numbers.next().value as number) % count;
        const { server, sftp } = await startMemory({ maxRead, pick });
        const content = bytesOf(size);
        server.file('/f', content);
        const expectations: ReadRange[] = [{ expectedEnd: size }, { end: size + 1 }, { expectedEnd: size >> 1 }, {}];
        for (const range of expectations) {
          const budget = new Budget(() => budgetBytes);
          assert.ok((await readAll(sftp, '/f', { ...range, budget })).equals(content));
          assert.equal(budget.used, 0);
        }
        const start = size >> 1;
        assert.ok(
          (await readAll(sftp, '/f', { start, end: start + 100 })).equals(content.subarray(start, start + 100)),
        );
        const file = await sftp.open('/copy', { write: true, create: true });
        const writer = file.writer(0, { budget: new Budget(() => budgetBytes) });
        for (let at = 0; at < size; ) {
          const bytes = Math.min(writer.chunkBytes, size - at);
          await writer.room(bytes);
          const frame = writer.frame(bytes);
          content.copy(frame.data, 0, at, at + bytes);
          writer.sendFrame(at, frame, bytes);
          at += bytes;
        }
        await writer.settled();
        assert.equal(writer.confirmedEnd, size);
        assert.equal(writer.budget.used, 0);
        assert.ok(server.data('/copy').equals(content));
      },
    ),
    { numRuns: 25 },
  );
});

test('a server that gives little at once is asked for what it gives', async () => {
  const { server, sftp } = await startMemory({ maxRead: 4096 });
  server.file('/f', bytesOf(1_000_000));
  // All of what is under way when the first answers come still asks for too much.
  await readAll(sftp, '/f', { expectedEnd: 1_000_000, budget: new Budget(() => 64 * 1024) });
  assert.ok((server.counts.get(messages.read.number) ?? 0) < 300);
});

test('a file that ends before it should, or goes on after it should end', async () => {
  const { server, sftp } = await startMemory();
  server.file('/f', bytesOf(100_000));
  assert.equal((await readAll(sftp, '/f', { expectedEnd: 500_000 })).length, 100_000);
  assert.equal((await readAll(sftp, '/f', { expectedEnd: 10 })).length, 100_000);
  assert.equal((await readAll(sftp, '/f', { end: 500_000 })).length, 100_000);
});

test('a failure in the middle: what comes before it is given, then the failure, and nothing is asked any more', async () => {
  const { server, sftp } = await startMemory({
    hook: (number, message) => {
      if (number !== messages.read.number) return undefined;
      const { id, offset } = messages.read.decode(message);
      return offset === 3n * 32_768n ? status(id, 4, 'bad sector') : undefined;
    },
  });
  server.file('/f', bytesOf(32_768 * 20));
  const file = await sftp.open('/f');
  const budget = new Budget(() => 32_768 * 6);
  const reader = file.reader({ expectedEnd: 32_768 * 20, budget });
  let got = 0;
  await assert.rejects(
    async () => {
      for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
        got += chunk.data.length;
        chunk.release();
      }
    },
    { code: 'operation-failed', message: 'read "/f": Failure (bad sector)' },
  );
  assert.equal(got, 3 * 32_768);
  reader.stop();
  await turn();
  assert.equal(budget.used, 0);
  assert.ok((server.counts.get(messages.read.number) ?? 0) <= 10);
  await assert.rejects(reader.next(), { code: 'closed' });
});

test('no bytes and no end, and more bytes than were asked for, end the session', async () => {
  for (const bytes of [0, 40_000]) {
    const { server, sftp } = await startMemory({
      hook: (number, message) =>
        number === messages.read.number
          ? messages.data.encode({ id: message.readUInt32BE(1), data: Buffer.alloc(bytes) })
          : undefined,
    });
    server.file('/f', bytesOf(100_000));
    await assert.rejects(readAll(sftp, '/f', { expectedEnd: 100_000 }), { code: 'bad-message' });
    assert.equal((await sftp.closed)?.code, 'bad-message');
  }
});

test('the first write that failed is kept; what was confirmed before it is known', async () => {
  let writes = 0;
  const { server, sftp } = await startMemory({
    hook: (number, message) => {
      if (number !== messages.write.number) return undefined;
      writes++;
      const id = message.readUInt32BE(1);
      if (writes === 3) return status(id, 4, 'disk full');
      return writes === 5 ? status(id, 3, 'later') : undefined;
    },
  });
  const file = await sftp.open('/f', { write: true, create: true });
  const writer = file.writer();
  for (let at = 0; at < 6; at++) writer.send(at * 1000, Buffer.alloc(1000, 'x'), () => {});
  await assert.rejects(writer.settled(), { message: 'write "/f": Failure (disk full)' });
  assert.equal(writer.confirmedEnd, 2000);
  await assert.rejects(writer.room(10), { message: 'write "/f": Failure (disk full)' });
  assert.equal(writer.budget.used, 0);
  assert.equal(server.data('/f').length, 6000);
});

test('a file that is closed is closed: the server may have given its handle to another', async () => {
  const { server, sftp } = await startMemory();
  server.file('/f', 'content');
  const file = await sftp.open('/f', { read: true, write: true });
  const writer = file.writer();
  await file.close();
  for (const call of [() => file.read(0, 5), () => file.write(0, Buffer.from('x')), () => file.setStat({ size: 0 })]) {
    await assert.rejects(call(), { code: 'misuse', message: /the file is closed/ });
  }
  assert.throws(() => file.reader(), { code: 'misuse' });
  writer.stop(new Error('closed'));
  let released = false;
  writer.send(0, Buffer.from('late'), () => {
    released = true;
  });
  await turn();
  assert.ok(released);
  assert.equal(server.data('/f').toString(), 'content');
});

test('the window grows to what a long path holds, and no further; on a short one it stays', () => {
  /** A path of so many bytes a millisecond and so long, with as much under way as the window allows. */
  const simulate = (bytesPerMs: number, roundTripMs: number, requestBytes: number, totalBytes: number) => {
    let now = 0;
    const window = new PathWindow(() => now);
    const queue: { departure: ReturnType<PathWindow['depart']>; doneMs: number }[] = [];
    let underWay = 0;
    let lineFreeMs = 0;
    for (let sent = 0; sent < totalBytes; ) {
      while (underWay + requestBytes <= window.bytes) {
        lineFreeMs = Math.max(lineFreeMs, now) + requestBytes / bytesPerMs;
        queue.push({ departure: window.depart(requestBytes), doneMs: lineFreeMs + roundTripMs });
        underWay += requestBytes;
        sent += requestBytes;
      }
      window.noteFull();
      const next = queue.shift();
      if (next === undefined) break;
      now = next.doneMs;
      underWay -= requestBytes;
      window.arrive(next.departure);
    }
    return window.bytes;
  };
  const mib = 1024 * 1024;
  // 1 Gbit/s and 100 ms hold 12.5 MB.
  const long = simulate(125_000, 100, 256 * 1024, 1024 * mib);
  assert.ok(long >= 12.5e6 && long <= 24 * mib, `${long}`);
  assert.equal(simulate(1_250_000, 200, 256 * 1024, 4096 * mib), 24 * mib);
  const near = simulate(500_000, 0.2, 256 * 1024, 1024 * mib);
  assert.ok(near <= 2 * mib, `${near}`);
  const slow = simulate(1_000, 30, 32 * 1024, 64 * mib);
  assert.equal(slow, mib);
});

test('on a long path the window starts with what that holds, and a round trip seen later changes nothing', () => {
  let now = 0;
  const startAfter = (...roundTripsMs: number[]) => {
    const window = new PathWindow(() => now);
    for (const ms of roundTripsMs) {
      const departedMs = now;
      now += ms;
      window.noteRoundTrip(departedMs);
    }
    return window;
  };
  assert.equal(startAfter().bytes, 1024 * 1024);
  assert.equal(startAfter(0.3).bytes, 1024 * 1024);
  assert.equal(startAfter(40).bytes, 6_680_000);
  assert.equal(startAfter(40, 20, 30).bytes, 3_340_000);
  assert.equal(startAfter(1000).bytes, 16_700_000);
  const window = startAfter(40);
  window.depart(1000);
  const departedMs = now;
  now += 80;
  window.noteRoundTrip(departedMs - 100);
  assert.equal(window.bytes, 6_680_000);
  window.noteRoundTrip(now);
  assert.equal(window.bytes, 6_680_000);
});

test('memory is given out again only when it was given back, and once', () => {
  const pool = new BodyPool();
  const first = pool.take(100_000);
  assert.equal(first.length, 100_000);
  pool.give(first.subarray(9));
  pool.give(first);
  const second = pool.take(120_000);
  const third = pool.take(120_000);
  assert.equal(second.buffer, first.buffer);
  assert.notEqual(third.buffer, second.buffer);
  // Somebody's own memory stays his.
  const other = Buffer.allocUnsafeSlow(131_072);
  pool.give(other);
  assert.notEqual(pool.take(131_072).buffer, other.buffer);
  assert.equal(pool.take(10).length, 10);
});
