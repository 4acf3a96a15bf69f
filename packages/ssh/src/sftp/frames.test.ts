/** sftp frames: messages whole however the stream is cut, lengths judged first, text told from sftp. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { maxSftpMessageBytes } from '../limits.ts';
import { encodeFrame, FrameReader } from './frames.ts';

test('messages come out whole, however the stream is cut', () => {
  const message = fc.uint8Array({ minLength: 1, maxLength: 300 });
  fc.assert(
    fc.property(fc.array(message, { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 200 })), (list, sizes) => {
      const stream = Buffer.concat(list.map(encodeFrame));
      const reader = new FrameReader();
      const read: Buffer[] = [];
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length] ?? stream.length;
        reader.push(Buffer.from(stream.subarray(at, at + size)), (whole) => read.push(whole));
        at += size;
      }
      assert.deepEqual(
        read.map(String),
        list.map((one) => String(Buffer.from(one))),
      );
    }),
  );
});

test('an announced length is judged before a byte is kept', () => {
  for (const length of [0, maxSftpMessageBytes + 1, 0xffff_ffff]) {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    assert.throws(
      () => new FrameReader().push(head, () => assert.fail('a message')),
      (error) => error instanceof SshError && error.code === 'limit-exceeded' && error.stage === 'sftp',
    );
  }
  assert.throws(() => encodeFrame(Buffer.alloc(0)), SshError);
  assert.throws(() => encodeFrame(Buffer.alloc(maxSftpMessageBytes + 1)), SshError);
});

test('what a login script prints is told as that, and only at the beginning', () => {
  const text = Buffer.from('Welcome, ada\x1b[2J!\r\nmore\n');
  assert.throws(() => new FrameReader().push(text, () => {}), {
    message: 'the server sent text in place of sftp: "Welcome, ada\\033[2J!"',
    code: 'bad-message',
  });
  const reader = new FrameReader();
  reader.push(encodeFrame(Buffer.of(1)), () => {});
  assert.throws(() => reader.push(text, () => {}), { code: 'limit-exceeded' });
});
