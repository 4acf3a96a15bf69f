import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { maxNameListBytes, maxNameListEntries } from '../limits.ts';
import { WireReader } from './reader.ts';
import { WireWriter } from './writer.ts';

const isBad = (pattern?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof SshError, String(error));
  assert.equal(error.code, 'bad-message');
  assert.equal(error.disconnect, 2);
  if (pattern !== undefined) assert.match(error.message, pattern);
  return true;
};
const read = (bytes: Uint8Array) => new WireReader(bytes, 'TEST');
const framed = (body: Uint8Array | string) => new WireWriter().string(body).finish();
const withLength = (length: number, body: Uint8Array) => new WireWriter().uint32(length).fixed(body).finish();

/** Every way to read a field; what a peer sends must give a value or an SshError in each of them. */
const readers: Record<string, (reader: WireReader) => unknown> = {
  uint8: (r) => r.uint8(),
  boolean: (r) => r.boolean(),
  uint32: (r) => r.uint32(),
  uint64: (r) => r.uint64(),
  fixed: (r) => r.fixed(16),
  string: (r) => r.string(),
  'string of at most 8': (r) => r.string('s', 8),
  text: (r) => r.text(),
  ascii: (r) => r.ascii(),
  nameList: (r) => r.nameList(),
  mpintBytes: (r) => r.mpintBytes(),
  unsignedMpint: (r) => r.unsignedMpint(),
  rest: (r) => r.rest(),
};

test('numbers at their bounds', () => {
  const bytes = Buffer.from('00ff010000000000000000ffffffff80000000ffffffffffffffff', 'hex');
  const reader = read(bytes);
  assert.deepEqual([reader.uint8(), reader.uint8(), reader.boolean()], [0, 255, true]);
  assert.deepEqual([reader.uint64(), reader.uint32(), reader.uint32()], [0n, 2 ** 32 - 1, 2 ** 31]);
  assert.equal(reader.uint64(), 2n ** 64n - 1n);
  reader.finish();
});

test('every non-zero boolean is true', () => {
  for (let byte = 0; byte < 256; byte++) assert.equal(read(Buffer.from([byte])).boolean(), byte !== 0);
});

test('a string is a view, and claims of 0, 1, 2^31 and 2^32-1 bytes are held to what is there', () => {
  const bytes = framed('abc');
  const view = read(bytes).string();
  assert.equal(view.buffer, bytes.buffer);
  assert.equal(read(withLength(0, Buffer.alloc(0))).string().length, 0);
  assert.equal(read(withLength(0, Buffer.from('x'))).string().length, 0);
  for (const length of [1, 2, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 5, 2 ** 32 - 1]) {
    assert.throws(
      () => read(withLength(length, Buffer.alloc(0))).string('field'),
      isBad(/TEST: field claims \d+ bytes/),
    );
  }
  assert.throws(() => read(withLength(2, Buffer.from('x'))).string(), isBad());
  assert.equal(
    read(withLength(1, Buffer.from('xy')))
      .string()
      .toString(),
    'x',
  );
});

test('a refused string leaves the reader where it was, and takes no memory', () => {
  const reader = read(withLength(2 ** 32 - 1, Buffer.alloc(8)));
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 100; i++) assert.throws(() => reader.string(), isBad());
  assert.equal(reader.offset, 0);
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
});

test('a limit on a string is told apart from a cut message', () => {
  assert.equal(read(framed('12345678')).string('s', 8).length, 8);
  assert.throws(() => read(framed('123456789')).string('s', 8), isBad(/9 bytes long, at most 8/));
});

test('text must be UTF-8, names printable ASCII without blanks', () => {
  assert.equal(read(framed('ä€\u{1f511}')).text(), 'ä€\u{1f511}');
  assert.equal(read(framed('\ufeffx')).text(), '\ufeffx', 'a byte order mark is text like any other');
  for (const hex of ['ff', 'c080', 'eda080', 'f4908080', 'c3']) {
    assert.throws(() => read(framed(Buffer.from(hex, 'hex'))).text('name'), isBad(/name is not valid UTF-8/));
  }
  assert.equal(read(framed('ssh-ed25519')).ascii(), 'ssh-ed25519');
  for (let byte = 0; byte < 256; byte++) {
    const bytes = framed(Buffer.from([0x61, byte, 0x62]));
    if (byte >= 0x21 && byte <= 0x7e) assert.equal(read(bytes).ascii().length, 3);
    else assert.throws(() => read(bytes).ascii(), isBad());
  }
});

test('name-lists: empty, one, many; no empty name, no end of them', () => {
  assert.deepEqual(read(framed('')).nameList(), []);
  assert.deepEqual(read(framed('a')).nameList(), ['a']);
  assert.deepEqual(read(framed('a,b,c')).nameList(), ['a', 'b', 'c']);
  for (const text of [',', 'a,', ',a', 'a,,b', 'a, b', 'a\0b', 'ä']) {
    assert.throws(() => read(framed(text)).nameList('list'), isBad(/list/), JSON.stringify(text));
  }
  const most = new Array(maxNameListEntries).fill('a');
  assert.equal(read(framed(most.join(','))).nameList().length, maxNameListEntries);
  assert.throws(() => read(framed([...most, 'a'].join(','))).nameList(), isBad(/names, at most/));
  assert.throws(() => read(framed('a'.repeat(maxNameListBytes + 1))).nameList(), isBad());
});

test('mpints have one form (RFC 4251 §5)', () => {
  const hex = (text: string) => framed(Buffer.from(text, 'hex'));
  // The RFC's own examples.
  assert.equal(read(hex('')).unsignedMpint().toString('hex'), '');
  assert.equal(read(hex('09a378f9b2e332a7')).unsignedMpint().toString('hex'), '09a378f9b2e332a7');
  assert.equal(read(hex('0080')).unsignedMpint().toString('hex'), '80');
  assert.equal(read(hex('edcc')).mpintBytes().toString('hex'), 'edcc');
  for (const needless of ['00', '0000', '007f', '0001', 'ff80', 'ffff']) {
    assert.throws(() => read(hex(needless)).mpintBytes(), isBad(/needless/), needless);
    assert.throws(() => read(hex(needless)).unsignedMpint(), isBad(), needless);
  }
  for (const negative of ['80', 'ff', 'edcc', 'ff01']) {
    assert.throws(() => read(hex(negative)).unsignedMpint('e'), isBad(/e is negative/), negative);
  }
  assert.throws(() => read(hex('010203')).unsignedMpint('n', 2), isBad(/at most 2/));
});

test('finish refuses what is left over, rest takes it', () => {
  const reader = read(Buffer.from('xyz'));
  reader.uint8();
  assert.throws(() => reader.finish(), isBad(/2 bytes are left over/));
  assert.equal(reader.rest().toString(), 'yz');
  reader.finish();
  assert.equal(reader.rest().length, 0);
});

test('a reader of a part neither reads before nor behind it', () => {
  const bytes = Buffer.concat([Buffer.from('before'), framed('in'), Buffer.from('behind')]);
  const reader = new WireReader(bytes, 'PART', 6, 12);
  assert.equal(reader.string().toString(), 'in');
  assert.equal(reader.remaining, 0);
  assert.throws(() => reader.uint8(), isBad());
  const short = new WireReader(bytes, 'PART', 6, 11);
  assert.throws(() => short.string(), isBad(/claims 2 bytes where 1 remain/));
  const sub = new Uint8Array(bytes.buffer, bytes.byteOffset + 6, 6);
  assert.equal(new WireReader(sub).string().toString(), 'in');
});

test('property: whatever the bytes, each reader gives a value inside them or an SshError', () => {
  for (const [name, readOne] of Object.entries(readers)) {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const reader = read(bytes);
        try {
          readOne(reader);
        } catch (error) {
          isBad()(error);
        }
        assert.ok(reader.offset >= 0 && reader.offset <= bytes.length, name);
      }),
      { numRuns: 300 },
    );
  }
});

test('property: with small length fields, the same', () => {
  const bytes = fc
    .tuple(fc.integer({ min: 0, max: 12 }), fc.uint8Array({ maxLength: 10 }))
    .map(([length, body]) => withLength(length, body));
  for (const readOne of Object.values(readers)) {
    fc.assert(
      fc.property(bytes, (input) => {
        try {
          readOne(read(input));
        } catch (error) {
          isBad()(error);
        }
      }),
      { numRuns: 300 },
    );
  }
});
