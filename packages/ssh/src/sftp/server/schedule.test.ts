/** Requests at work together: results as if one came after the other, and no more waiting than that takes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { maxSftpServedRequests } from '../../limits.ts';
import { memoryFileSystem } from '../../server/file-systems/memory.ts';
import * as messages from '../messages.ts';
import { statusCodes } from '../status.ts';
import type { FileHandle, FileSystem } from './file-system.ts';
import { dataOf, later, nextTurn, scriptedFiles, statusCode, TestClient } from './server.test.kit.ts';

const { read: R, write: W } = messages.openFlags;

/** Two files whose reads and writes a test ends. */
function slowFiles() {
  const reads: { readonly name: string; readonly offset: number; end: (count: number) => void }[] = [];
  const writes: { readonly name: string; readonly offset: number; end: () => void; fail: () => void }[] = [];
  let closed = 0;
  const open = (path: Buffer): FileHandle => {
    const name = path.toString();
    return {
      identity: name,
      read: (into, offset) => {
        const { promise, resolve } = later<number>();
        reads.push({ name, offset, end: resolve });
        return promise.then((count) => {
          into.fill(name, 0, count);
          return count;
        });
      },
      write: (_bytes, offset) => {
        const { promise, resolve } = later<Error | undefined>();
        writes.push({
          name,
          offset,
          end: () => resolve(undefined),
          fail: () => resolve(new Error('the disk is gone')),
        });
        return promise.then((error) => {
          if (error !== undefined) throw error;
        });
      },
      stat: () => ({ size: 1 }),
      close: () => void closed++,
    };
  };
  const files: FileSystem = scriptedFiles({ open, stat: () => ({ size: 5 }), rename: () => {} });
  return { files, reads, writes, closed: () => closed };
}

async function start() {
  const slow = slowFiles();
  const client = new TestClient(slow.files);
  client.greet();
  return { client, ...slow, a: await client.open('a', R | W), b: await client.open('b', R | W) };
}

function send(client: TestClient, kind: 'read' | 'write', handle: Buffer, offset: number, length = 10): number {
  const id = client.id();
  if (kind === 'read') client.send(messages.read.encode({ id, handle, offset: BigInt(offset), length }));
  else client.send(messages.write.encode({ id, handle, offset: BigInt(offset), data: Buffer.alloc(length) }));
  return id;
}

test('reads are at work together and answered as they end, those of one handle as well', async () => {
  const { client, reads, a, b } = await start();
  const ids = [send(client, 'read', a, 0), send(client, 'read', a, 10), send(client, 'read', b, 0)];
  assert.equal(reads.length, 3);
  for (const at of [2, 0, 1]) {
    reads[at]?.end(3);
    await nextTurn();
  }
  assert.deepEqual(
    client.replies.slice(-3).map((reply) => [reply.id, dataOf(reply)]),
    [
      [ids[2], 'bbb'],
      [ids[0], 'aaa'],
      [ids[1], 'aaa'],
    ],
  );
});

test('writes of a handle are at work together and answered in their order; failures and other handles too', async () => {
  const { client, writes, a, b } = await start();
  const ids = [0, 10, 20].map((offset) => send(client, 'write', a, offset));
  const other = send(client, 'write', b, 0);
  assert.equal(writes.length, 4);
  const answered = async () => {
    await nextTurn();
    return client.replies.slice(3).map((reply) => [reply.id, statusCode(reply)]);
  };
  writes[1]?.fail();
  assert.deepEqual(await answered(), []);
  writes[3]?.end();
  assert.deepEqual(await answered(), [[other, statusCodes.ok]]);
  writes[0]?.end();
  const first = [
    [other, statusCodes.ok],
    [ids[0], statusCodes.ok],
    [ids[1], statusCodes.failure],
  ];
  assert.deepEqual(await answered(), first);
  writes[2]?.end();
  assert.deepEqual(await answered(), [...first, [ids[2], statusCodes.ok]]);
});

test('a read waits for a write to the same bytes, for no other, and through another handle too', async () => {
  const { client, reads, writes, a } = await start();
  const second = await client.open('a', R);
  send(client, 'write', a, 0);
  send(client, 'write', a, 10);
  assert.equal(writes.length, 2);
  send(client, 'read', second, 5);
  send(client, 'read', a, 20);
  assert.deepEqual(
    reads.map(({ offset }) => offset),
    [20],
  );
  send(client, 'write', a, 19, 2);
  assert.equal(writes.length, 2);
  writes[0]?.end();
  await nextTurn();
  assert.equal(reads.length, 1);
  writes[1]?.end();
  await nextTurn();
  assert.deepEqual(
    reads.map(({ offset }) => offset),
    [20, 5],
  );
  reads[0]?.end(0);
  await nextTurn();
  // A write behind the end of the file would show in the other read, too.
  assert.equal(writes.length, 2);
  reads[1]?.end(0);
  await nextTurn();
  assert.equal(writes.length, 3);
});

test('one slow request: others of another file, of names and of attributes go on where they may', async () => {
  const { client, writes, reads, a, b } = await start();
  send(client, 'read', a, 0);
  // A read is nothing to a stat, nor to a rename; a write is something to a stat.
  assert.equal((await client.ask(messages.stat, { path: Buffer.from('a') })).number, messages.attrs.number);
  const rename = { oldPath: Buffer.from('a'), newPath: Buffer.from('c') };
  assert.equal(await client.status(messages.rename, rename), statusCodes.ok);
  send(client, 'write', b, 100);
  assert.equal(await client.status(messages.rename, rename), statusCodes.ok);
  const id = client.id();
  client.send(messages.stat.encode({ id, path: Buffer.from('a') }));
  await nextTurn();
  assert.ok(!client.replies.some((reply) => reply.id === id));
  writes[0]?.end();
  await client.reply(id);
  reads[0]?.end(0);
});

test('a close waits for what is at work with its file; what comes behind it finds no handle', async () => {
  const { client, reads, closed, a } = await start();
  const read = send(client, 'read', a, 0);
  const close = client.id();
  client.send(messages.close.encode({ id: close, handle: a }));
  const late = send(client, 'read', a, 0);
  assert.equal(statusCode(await client.reply(late)), statusCodes.failure);
  assert.equal(closed(), 0);
  reads[0]?.end(1);
  assert.equal(statusCode(await client.reply(close)), statusCodes.ok);
  assert.equal(dataOf(await client.reply(read)), 'a');
  assert.equal(closed(), 1);
});

test('no more requests at work, and no more bytes, than the limits; the others wait unread', async () => {
  const { client, reads, a } = await start();
  const small = Array.from({ length: 1000 }, (_, at) =>
    messages.read.encode({ id: 10_000 + at, handle: a, offset: BigInt(at), length: 1 }),
  );
  assert.equal(client.send(...small), false);
  assert.equal(reads.length, maxSftpServedRequests);
  let ready = 0;
  client.server.onReady = () => void ready++;
  for (let at = 0; at < 1000; at++) {
    reads[at]?.end(1);
    if (at % 50 === 0) await nextTurn();
    if (at === 500) assert.equal(ready, 0);
  }
  await client.reply(10_999);
  assert.deepEqual([reads.length, ready], [1000, 1]);
  const large = Array.from({ length: 50 }, (_, at) =>
    messages.read.encode({ id: 20_000 + at, handle: a, offset: 0n, length: 261_120 }),
  );
  client.send(...large);
  assert.equal(reads.length, 1000 + 17);
});

test('a client that does not read is not read from: nothing begins while replies wait', async () => {
  const { client, reads, a } = await start();
  client.hasRoom = false;
  send(client, 'read', a, 0);
  reads[0]?.end(1);
  await nextTurn();
  const waiting = Array.from({ length: 5 }, (_, at) =>
    messages.read.encode({ id: 500 + at, handle: a, offset: 0n, length: 1 }),
  );
  assert.equal(client.send(...waiting), false);
  assert.equal(reads.length, 1);
  client.hasRoom = true;
  client.server.onDrain();
  assert.equal(reads.length, 6);
});

test('replies of one turn go out together', async () => {
  const client = new TestClient(memoryFileSystem({ files: { '/f': 'content' } }));
  client.greet();
  const handle = await client.open('/f', R);
  client.batches.length = 0;
  const reads = Array.from({ length: 40 }, (_, id) =>
    messages.read.encode({ id: 100 + id, handle, offset: 0n, length: 3 }),
  );
  client.send(...reads);
  assert.deepEqual(client.batches, [40]);
});

test('the end: everything that came is answered first, then files are closed; a client that is gone is not waited for', async () => {
  const { client, reads, closed, a } = await start();
  const id = send(client, 'read', a, 0);
  const ending = client.server.end();
  await nextTurn();
  assert.equal(closed(), 0);
  reads[0]?.end(1);
  await ending;
  assert.equal(dataOf(await client.reply(id)), 'a');
  assert.equal(closed(), 2);

  const gone = await start();
  send(gone.client, 'read', gone.a, 0);
  const aborting = gone.client.server.abort();
  await nextTurn();
  // The one that is being read is closed behind the read.
  assert.equal(gone.closed(), 1);
  gone.reads[0]?.end(1);
  await aborting;
  assert.equal(gone.closed(), 2);
  assert.equal(gone.client.replies.length, 3);
});

test('whatever the delays, results are those of one request after the other', async () => {
  const operation = fc.record({
    kind: fc.constantFrom('read', 'write', 'size', 'truncate', 'stat'),
    file: fc.constantFrom('/a', '/b'),
    offset: fc.integer({ min: 0, max: 12 }),
    length: fc.integer({ min: 1, max: 6 }),
    letter: fc.constantFrom('x', 'y', 'z'),
    delay: fc.integer({ min: 0, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 12 }), async (operations) => {
      const run = async (isPipelined: boolean) => {
        const delays = operations.map(({ delay }) => delay);
        const client = new TestClient(delayed(memoryFileSystem({ files: { '/a': 'aaaaaa', '/b': 'bb' } }), delays));
        client.greet();
        const handles = { '/a': await client.open('/a', R | W), '/b': await client.open('/b', R | W) };
        const ids: number[] = [];
        for (const { kind, file, offset, length, letter } of operations) {
          const id = client.id();
          ids.push(id);
          const handle = handles[file];
          const size = { size: offset };
          if (kind === 'read') client.send(messages.read.encode({ id, handle, offset: BigInt(offset), length }));
          else if (kind === 'write') {
            client.send(
              messages.write.encode({ id, handle, offset: BigInt(offset), data: Buffer.alloc(length, letter) }),
            );
          } else if (kind === 'size') client.send(messages.fstat.encode({ id, handle }));
          else if (kind === 'stat') client.send(messages.stat.encode({ id, path: Buffer.from(file) }));
          else client.send(messages.setstat.encode({ id, path: Buffer.from(file), attributes: size }));
          if (!isPipelined) await client.reply(id);
        }
        const replies = await Promise.all(ids.map((id) => client.reply(id)));
        return replies.map((reply) => {
          if (reply.number !== messages.attrs.number) return dataOf(reply);
          return messages.attrs.decode(reply.message).attributes.size;
        });
      };
      assert.deepEqual(await run(true), await run(false));
    }),
    { numRuns: 60 },
  );
});

/** The same files, each call so many turns later. */
function delayed(files: FileSystem, delays: readonly number[]): FileSystem {
  let calls = 0;
  const wait = async () => {
    for (let turn = delays[calls++ % Math.max(delays.length, 1)] ?? 0; turn > 0; turn--) await nextTurn();
  };
  return {
    ...scriptedFiles({}),
    stat: async (path) => {
      await wait();
      return files.stat(path);
    },
    setStat: async (path, attributes) => {
      await wait();
      await files.setStat?.(path, attributes);
    },
    open: async (path, request) => {
      const handle = await files.open(path, request);
      return {
        identity: path.toString(),
        close: () => handle.close(),
        read: async (into, offset) => {
          await wait();
          return (await handle.read?.(into, offset)) ?? 0;
        },
        write: async (bytes, offset) => {
          await wait();
          await handle.write?.(bytes, offset);
        },
        stat: async () => {
          await wait();
          return handle.stat();
        },
      };
    },
  };
}
