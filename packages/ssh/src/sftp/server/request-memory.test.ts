/** Memory of requests: what holds nothing any more goes back to whoever gave it, and long writes take turns in the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeFrame } from '../frames.ts';
import * as messages from '../messages.ts';
import { nextTurn, scriptedFiles } from './server.test.kit.ts';
import { SftpServer } from './server.ts';

interface Writing {
  readonly bytes: Buffer;
  end(): void;
  fail(): void;
}

/** A server with one open file, whose writes end when the test says so. */
async function start() {
  const writings: Writing[] = [];
  const released: Buffer[] = [];
  const write = (bytes: Buffer) =>
    new Promise<void>((resolve, reject) => {
      writings.push({ bytes, end: resolve, fail: () => reject(new Error('gave up waiting')) });
    });
  const server = new SftpServer(scriptedFiles({ open: () => ({ write, stat: () => ({}), close: () => {} }) }), {
    send: () => true,
    releaseInput: (chunk) => void released.push(chunk),
  });
  let id = 0;
  server.receive(encodeFrame(messages.init.encode({ version: 3, extensions: [] })));
  server.receive(encodeFrame(messages.open.encode({ id: id++, path: Buffer.from('/f'), flags: 2, attributes: {} })));
  await nextTurn();
  const frame = (fill: string) =>
    encodeFrame(
      messages.write.encode({ id: id++, handle: Buffer.alloc(4), offset: 0n, data: Buffer.alloc(20_000, fill) }),
    );
  /** In two chunks, as packets cut them. */
  const sendCut = (fill: string) => {
    const whole = frame(fill);
    const chunks = [Buffer.from(whole.subarray(0, 9000)), Buffer.from(whole.subarray(9000))];
    for (const chunk of chunks) server.receive(chunk);
    return chunks;
  };
  return { server, writings, released, frame, sendCut };
}

test('a chunk is given back where nothing of it is held, and kept where a message lies in it', async () => {
  const { server, writings, released, frame, sendCut } = await start();
  released.length = 0;
  assert.deepEqual(sendCut('a'), released);
  const whole = frame('b');
  server.receive(whole);
  assert.equal(released.length, 2);
  for (let at = 0; at < 2; at++) {
    writings[at]?.end();
    await nextTurn();
  }
  await server.end();
});

test('the memory of a long write serves the next one when it has ended, and not before', async () => {
  const { server, writings, sendCut } = await start();
  sendCut('a');
  sendCut('b');
  // Two writes to the same place go one after the other.
  const first = writings[0] as Writing;
  assert.equal(writings.length, 1);
  assert.ok(first.bytes.equals(Buffer.alloc(20_000, 'a')));
  first.end();
  await nextTurn();
  const second = writings[1] as Writing;
  assert.notEqual(second.bytes.buffer, first.bytes.buffer);
  assert.ok(second.bytes.equals(Buffer.alloc(20_000, 'b')));
  sendCut('c');
  assert.ok(second.bytes.equals(Buffer.alloc(20_000, 'b')));
  second.end();
  await nextTurn();
  const third = writings[2] as Writing;
  assert.equal(third.bytes.buffer, first.bytes.buffer);
  assert.ok(third.bytes.equals(Buffer.alloc(20_000, 'c')));
  third.end();
  await server.end();
});

test('the memory of a write that failed is left alone: what gave up waiting may still be writing', async () => {
  const { server, writings, sendCut } = await start();
  sendCut('a');
  const first = writings[0] as Writing;
  first.fail();
  await nextTurn();
  sendCut('b');
  const second = writings[1] as Writing;
  assert.notEqual(second.bytes.buffer, first.bytes.buffer);
  assert.ok(first.bytes.equals(Buffer.alloc(20_000, 'a')));
  second.end();
  await server.end();
});
