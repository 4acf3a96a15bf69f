/** Frames: cut anywhere, and never larger than allowed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { maxAgentMessageBytes } from '../limits.ts';
import { encodeFrame, FrameReader } from './frames.ts';

function readAll(chunks: readonly Uint8Array[]): Buffer[] {
  const reader = new FrameReader();
  const messages: Buffer[] = [];
  for (const chunk of chunks) reader.push(chunk, (message) => messages.push(message));
  return messages;
}

test('messages come out whole, however the stream is cut', () => {
  const messages = fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 5 });
  fc.assert(
    fc.property(messages, fc.array(fc.nat(100)), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(encodeFrame));
      const points = [0, ...cuts.filter((cut) => cut < stream.length).sort((a, b) => a - b), stream.length];
      const chunks = points.slice(1).map((end, at) => stream.subarray(points[at], end));
      assert.deepEqual(
        readAll(chunks).map((message) => [...message]),
        sent.map((message) => [...message]),
      );
    }),
  );
});

test('messages do not share memory with the chunks', () => {
  const chunk = encodeFrame(Buffer.from('abc'));
  const [message] = readAll([chunk]);
  chunk.fill(0);
  assert.equal(message?.toString(), 'abc');
});

test('an announced length is judged before a byte is kept', () => {
  for (const length of [0, maxAgentMessageBytes + 1, 0xffff_ffff]) {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    for (const chunks of [[head], [head.subarray(0, 1), head.subarray(1)]]) {
      assert.throws(
        () => readAll(chunks),
        (error: unknown) => error instanceof SshError && error.code === 'limit-exceeded' && error.side === 'peer',
      );
    }
  }
  assert.equal(readAll([encodeFrame(Buffer.alloc(maxAgentMessageBytes))]).length, 1);
  assert.throws(() => encodeFrame(Buffer.alloc(maxAgentMessageBytes + 1)), SshError);
  assert.throws(() => encodeFrame(Buffer.alloc(0)), SshError);
});
