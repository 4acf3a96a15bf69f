/** Names: bytes to text and back, and what cannot be sent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toName, toPathBytes, toText } from './name.ts';

test('any bytes survive the way to text and back; valid UTF-8 is itself', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 30 }),
    fc.array(fc.constantFrom(0x61, 0xc3, 0xa9, 0xed, 0xa0, 0x80, 0xf0, 0x9f, 0x98, 0xff, 0xbf, 0xef), {
      maxLength: 12,
    }),
  );
  fc.assert(
    fc.property(bytes, (given) => {
      const name = Buffer.from(given.filter((byte) => byte !== 0));
      assert.deepEqual(toPathBytes(toText(name)), name);
    }),
    { numRuns: 500 },
  );
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => assert.equal(toText(Buffer.from(text)), text)));
  assert.equal(toText(Buffer.from([0x61, 0xff, 0xc3, 0xa9, 0xc3])), 'a\udcffé\udcc3');
  assert.equal(toName(Buffer.from([0xff])).text, undefined);
});

test('half a character that stands for no byte, and a NUL, are refused', () => {
  for (const text of ['a\ud800', '\udc7f', 'a\0b']) assert.throws(() => toPathBytes(text), { code: 'misuse' });
  assert.deepEqual(toPathBytes('\ud83d\ude00'), Buffer.from('😀'));
});
