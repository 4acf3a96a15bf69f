/** The messages made by hand are those that are declared. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { maxSftpMessageBytes } from '../limits.ts';
import { encodeFrame } from './frames.ts';
import { decodeData, encodeRead, writeHead, writeHeadBytes } from './hot-messages.ts';
import * as messages from './messages.ts';

const id = fc.integer({ min: 0, max: 0xffff_ffff });
const handle = fc.uint8Array({ maxLength: 256 }).map((bytes) => Buffer.from(bytes));
const position = fc.maxSafeNat();

test('READ and WRITE by hand are the declared ones, byte for byte', () => {
  fc.assert(
    fc.property(id, handle, position, id, (number, name, at, byteCount) => {
      const fields = { id: number, handle: name, offset: BigInt(at), length: byteCount };
      assert.deepEqual(encodeRead(number, name, at, byteCount), encodeFrame(messages.read.encode(fields)));
    }),
  );
  fc.assert(
    fc.property(id, handle, position, fc.uint8Array({ maxLength: 300 }), (number, name, at, bytes) => {
      const data = Buffer.from(bytes);
      const frame = Buffer.alloc(writeHeadBytes(name) + data.length);
      data.copy(frame, writeHeadBytes(name));
      writeHead(frame, number, name, at, data.length);
      assert.deepEqual(
        frame,
        encodeFrame(messages.write.encode({ id: number, handle: name, offset: BigInt(at), data })),
      );
    }),
  );
  assert.throws(() => writeHead(Buffer.alloc(100), 1, Buffer.from('h'), 0, maxSftpMessageBytes), SshError);
});

test('DATA by hand gives and refuses what the declared one does', () => {
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from([103, ...bytes])),
    fc
      .tuple(id, fc.uint8Array({ maxLength: 40 }))
      .map(([number, bytes]) => messages.data.encode({ id: number, data: Buffer.from(bytes) })),
  );
  const outcome = (decode: () => Buffer) => {
    try {
      return decode().toString('hex');
    } catch (error) {
      assert.ok(error instanceof SshError);
      return error.code;
    }
  };
  fc.assert(
    fc.property(message, (bytes) =>
      assert.equal(
        outcome(() => decodeData(bytes)),
        outcome(() => messages.data.decode(bytes).data),
      ),
    ),
  );
  const whole = messages.data.encode({ id: 1, data: Buffer.from('bytes') });
  assert.equal(decodeData(whole).buffer, whole.buffer);
});
