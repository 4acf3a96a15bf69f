/** Messages out of a stream that is cut anywhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameBuffer } from './frame-buffer.ts';

function frame(length: number, fill: number): Buffer {
  const bytes = Buffer.alloc(4 + length, fill);
  bytes.writeUInt32BE(length, 0);
  return bytes;
}

/** Feeds a stream in pieces of these sizes, and gives what came out, each piece of it whole messages. */
function feed(stream: Buffer, sizes: readonly number[], isInUse: () => boolean): Buffer[] {
  const buffer = new FrameBuffer();
  const pieces: Buffer[] = [];
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const room = buffer.room(isInUse());
    assert.ok(room.length > 0);
    const size = Math.min(room.length, stream.length - at, sizes[turn % sizes.length] ?? 1);
    stream.copy(room, 0, at, at + size);
    at += size;
    const whole = buffer.filled(size);
    if (whole !== undefined) pieces.push(isInUse() ? whole : Buffer.from(whole));
  }
  return pieces;
}

test('whole messages come out, in order, however they were cut; those in use stay as they are', () => {
  const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constantFrom(262_144, 200_000)), {
    maxLength: 8,
  });
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(65_536, 300_000)), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(lengths, sizes, fc.boolean(), (all, cuts, isInUse) => {
      const stream = Buffer.concat(all.map((length, at) => frame(length, at + 1)));
      const pieces = feed(stream, [...cuts, 70_000], () => isInUse);
      assert.ok(Buffer.concat(pieces).equals(stream));
      for (const piece of pieces) {
        let end = 0;
        while (end < piece.length) end += 4 + piece.readUInt32BE(end);
        assert.equal(end, piece.length);
      }
    }),
    { numRuns: 40 },
  );
});

test('a length that no message has is given out for somebody to refuse', () => {
  const buffer = new FrameBuffer();
  for (const [bytes, out] of [
    ['00000001aa', '00000001aa'],
    ['ffffffffaa', 'ffffffffaa'],
    ['00040001', '00040001'],
  ] as const) {
    const given = Buffer.from(bytes, 'hex');
    given.copy(buffer.room(false));
    assert.equal(buffer.filled(given.length)?.toString('hex'), out);
  }
});
