/** READ, WRITE and DATA by hand are what their declarations are. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as messages from '../messages.ts';
import { dataHeadBytes, decodeRead, decodeWrite, finishDataFrame } from './hot-messages.ts';

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((value) => Buffer.from(value));
const handle = fc.oneof(
  bytes(8),
  fc.uint8Array({ minLength: 4, maxLength: 4 }).map((value) => Buffer.from(value)),
);
const offset = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

const outcome = (decode: () => unknown) => {
  try {
    return decode();
  } catch (error) {
    return String(error);
  }
};

test('READ and WRITE decode to what the declared messages decode to, whatever the bytes', () => {
  const requests = fc.oneof(
    fc.record({ id: uint32, handle, offset, length: uint32 }).map((fields) => messages.read.encode(fields)),
    fc.record({ id: uint32, handle, offset, data: bytes(40) }).map((fields) => messages.write.encode(fields)),
  );
  const cut = fc.tuple(requests, fc.nat(80), fc.nat(3), fc.nat(255)).map(([message, length, more, byte]) => {
    const changed = Buffer.concat([message.subarray(0, Math.max(1, length)), Buffer.alloc(more, byte)]);
    return changed;
  });
  fc.assert(
    fc.property(fc.oneof(requests, cut), (message) => {
      const exact = (fields: { readonly offset: bigint }) => ({ ...fields, offset: Number(fields.offset) });
      assert.deepEqual(
        outcome(() => decodeRead(message)),
        outcome(() => exact(messages.read.decode(message, 'ignored'))),
      );
      assert.deepEqual(
        outcome(() => decodeWrite(message)),
        outcome(() => exact(messages.write.decode(message, 'ignored'))),
      );
    }),
    { numRuns: 500 },
  );
});

test('a DATA frame is the declared message with its length before it', () => {
  fc.assert(
    fc.property(uint32, bytes(50), fc.nat(20), (id, data, more) => {
      const frame = Buffer.alloc(dataHeadBytes + data.length + more, 0xee);
      frame.set(data, dataHeadBytes);
      const message = messages.data.encode({ id, data });
      const length = Buffer.alloc(4);
      length.writeUInt32BE(message.length);
      assert.deepEqual(finishDataFrame(frame, id, data.length), Buffer.concat([length, message]));
    }),
  );
});
