import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { FrameReader } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import { MemorySink } from './mux.test.kit.ts';

const frames = ['', 'a', 'four', 'x'.repeat(5000)];
const bytes = Buffer.concat(frames.map(framed));

test('frames come whole, whatever the pieces', () => {
  for (const size of [1, 2, 3, 7, 1000, bytes.length]) {
    const found: string[] = [];
    const reader = new FrameReader((frame) => void found.push(frame.toString()));
    for (let at = 0; at < bytes.length; at += size) reader.feed(bytes.subarray(at, at + size));
    assert.deepEqual(found, frames, `in pieces of ${size}`);
  }
});

test('a frame is a copy: the bytes it came in may be used again', () => {
  let found: Buffer | undefined;
  const reader = new FrameReader((frame) => {
    found = frame;
  });
  const chunk = framed('text');
  reader.feed(chunk);
  chunk.fill(0);
  assert.equal(String(found), 'text');
});

test('a length that nobody needs is refused before anything is reserved', () => {
  const reader = new FrameReader(() => assert.fail('there is no frame'));
  assert.throws(() => reader.feed(Buffer.from('7fffffff', 'hex')), SshError);
});

test('paused, nothing is given and nothing lost; bytes between frames are passed over', () => {
  for (const size of [1, 5, 100]) {
    const found: string[] = [];
    const reader: FrameReader = new FrameReader((frame) => {
      found.push(frame.toString());
      if (frame.toString() === 'session') reader.skip(3);
      reader.pause();
    });
    const stream = Buffer.concat([framed('first'), framed('session'), Buffer.from('\0\0\0'), framed('last')]);
    for (let at = 0; at < stream.length; at += size) reader.feed(stream.subarray(at, at + size));
    assert.deepEqual(found, ['first']);
    reader.resume();
    assert.deepEqual(found, ['first', 'session']);
    reader.resume();
    assert.deepEqual(found, ['first', 'session', 'last']);
  }
});

test('packets of proxy mode: no padding, but no packet shorter than OpenSSH takes', async () => {
  const sink = new MemorySink();
  const writer = new FrameWriter(sink);
  writer.sendPacket(Buffer.of(82));
  writer.sendPacket(Buffer.of(94), Buffer.alloc(4, 1));
  writer.passPacket(Buffer.alloc(3000, 2));
  await new Promise((resolve) => setImmediate(resolve));
  const all = Buffer.concat(sink.chunks);
  assert.equal(all.subarray(0, 9).toString('hex'), '00000005' + '03' + '52000000');
  assert.equal(all.subarray(9, 19).toString('hex'), '00000006' + '00' + '5e01010101');
  assert.equal(all.subarray(19, 24).toString('hex'), '00000bb9' + '00');
  assert.equal(all.length, 24 + 3000);
});

test('room: false above the mark, and whoever saw it is told once', async () => {
  const sink = new MemorySink();
  let told = 0;
  const writer = new FrameWriter(sink, () => told++);
  assert.ok(writer.ready);
  writer.passPacket(Buffer.alloc(300 * 1024));
  assert.ok(!writer.ready);
  await new Promise((resolve) => setImmediate(resolve));
  writer.onDrain();
  assert.equal(told, 0);
  sink.chunks.length = 0;
  writer.onDrain();
  writer.onDrain();
  assert.equal(told, 1);
});

function framed(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
}
