import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { WireReader } from './reader.ts';
import { asBuffer, encodeMpint, WireWriter } from './writer.ts';

test('the examples of RFC 4251 §5', () => {
  const hex = (writer: WireWriter) => writer.finish().toString('hex');
  assert.equal(hex(new WireWriter().uint32(699921578)), '29b7f4aa');
  assert.equal(hex(new WireWriter().string('testing')), '0000000774657374696e67');
  assert.equal(hex(new WireWriter().mpint(Buffer.alloc(0))), '00000000');
  assert.equal(hex(new WireWriter().mpint(Buffer.from('09a378f9b2e332a7', 'hex'))), '0000000809a378f9b2e332a7');
  assert.equal(hex(new WireWriter().mpint(Buffer.from([0x80]))), '000000020080');
  assert.equal(hex(new WireWriter().nameList([])), '00000000');
  assert.equal(hex(new WireWriter().nameList(['zlib'])), '000000047a6c6962');
  assert.equal(hex(new WireWriter().nameList(['zlib', 'none'])), '000000097a6c69622c6e6f6e65');
  assert.equal(hex(new WireWriter().boolean(true).boolean(false)), '0100');
  assert.equal(hex(new WireWriter().uint64(2n ** 64n - 1n)), 'ffffffffffffffff');
});

test('grows from any size, and holds what was written', () => {
  for (const sizeHint of [0, 1, 3, 256]) {
    const writer = new WireWriter(sizeHint);
    const expected: Buffer[] = [];
    for (let i = 0; i < 300; i++) {
      writer.uint8(i & 0xff).string(Buffer.alloc(i, i & 0xff));
      expected.push(Buffer.from([i & 0xff, 0, 0, i >> 8, i & 0xff]), Buffer.alloc(i, i & 0xff));
    }
    assert.equal(writer.length, writer.finish().length);
    assert.ok(writer.finish().equals(Buffer.concat(expected)));
  }
});

test('numbers that do not fit are refused, not cut', () => {
  for (const value of [-1, 256]) assert.throws(() => new WireWriter().uint8(value), RangeError);
  for (const value of [-1, 2 ** 32, 2 ** 53]) assert.throws(() => new WireWriter().uint32(value), RangeError);
  for (const value of [-1n, 2n ** 64n]) assert.throws(() => new WireWriter().uint64(value), RangeError);
});

test('a string beyond 2^32-1 bytes is refused (Go CVE-2026-39834)', () => {
  // Such an array cannot be had cheaply; its length alone decides.
  const huge = { length: 2 ** 32 } as Uint8Array;
  assert.throws(
    () => new WireWriter().string(huge),
    (error: unknown) => error instanceof SshError && error.code === 'misuse',
  );
});

test('asBuffer makes no copy', () => {
  const whole = new Uint8Array(16).fill(7);
  const part = whole.subarray(4, 8);
  const buffer = asBuffer(part);
  assert.ok(Buffer.isBuffer(buffer));
  assert.deepEqual([buffer.length, buffer.buffer === whole.buffer, buffer.byteOffset], [4, true, 4]);
  assert.equal(asBuffer(buffer), buffer);
});

test('property: mpints lose leading zeros and nothing else, and the reader takes every one', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (unsigned) => {
      const digits = Buffer.from(unsigned)
        .toString('hex')
        .replace(/^(00)+/, '');
      const reader = new WireReader(new WireWriter().mpint(unsigned).finish());
      assert.equal(reader.unsignedMpint().toString('hex'), digits);
      reader.finish();
      const body = encodeMpint(unsigned);
      assert.ok(body.length === 0 || (body[0] as number) < 0x80);
    }),
  );
});

test('property: what is written is read back', () => {
  const field = fc.oneof(
    fc.record({ kind: fc.constant('uint8' as const), value: fc.integer({ min: 0, max: 255 }) }),
    fc.record({ kind: fc.constant('boolean' as const), value: fc.boolean() }),
    fc.record({ kind: fc.constant('uint32' as const), value: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
    fc.record({ kind: fc.constant('uint64' as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
    fc.record({ kind: fc.constant('string' as const), value: fc.uint8Array({ maxLength: 600 }) }),
    fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'grapheme' }) }),
    fc.record({
      kind: fc.constant('nameList' as const),
      value: fc.array(fc.stringMatching(/^[!-+\--~]{1,20}$/), { maxLength: 8 }),
    }),
  );
  fc.assert(
    fc.property(fc.array(field, { maxLength: 12 }), (fields) => {
      const writer = new WireWriter(1);
      for (const { kind, value } of fields) {
        if (kind === 'uint8') writer.uint8(value);
        else if (kind === 'boolean') writer.boolean(value);
        else if (kind === 'uint32') writer.uint32(value);
        else if (kind === 'uint64') writer.uint64(value);
        else if (kind === 'nameList') writer.nameList(value);
        else writer.string(value);
      }
      const reader = new WireReader(writer.finish());
      for (const { kind, value } of fields) {
        const got = reader[kind]();
        if (kind === 'string') assert.ok((got as Buffer).equals(value));
        else assert.deepEqual(got, value);
      }
      reader.finish();
    }),
  );
});
