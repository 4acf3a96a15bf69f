import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import * as fields from './fields.ts';
import { declareMessage, declareStructure, type MessageOf } from './message.ts';

/** One field of every type. */
const everything = declareMessage('EVERYTHING', 200, {
  cookie: fields.fixed(4),
  byte: fields.byte,
  boolean: fields.boolean,
  uint32: fields.uint32,
  uint64: fields.uint64,
  string: fields.string,
  text: fields.text,
  name: fields.name,
  nameList: fields.nameList,
  mpint: fields.mpint,
});
type Everything = MessageOf<typeof everything>;

const value: Everything = {
  cookie: Buffer.from('cook'),
  byte: 255,
  boolean: true,
  uint32: 2 ** 32 - 1,
  uint64: 2n ** 64n - 1n,
  string: Buffer.from([0, 255]),
  text: 'grüße',
  name: 'ssh-ed25519',
  nameList: ['a', 'b'],
  mpint: Buffer.from('80', 'hex'),
};

const isCode = (code: string) => (error: unknown) => error instanceof SshError && error.code === code;

test('encodes in wire order, and decodes what it encoded', () => {
  const bytes = everything.encode(value);
  const expected = [
    'c8', // number
    '636f6f6b', // cookie
    'ff',
    '01',
    'ffffffff',
    'ffffffffffffffff',
    '0000000200ff',
    `00000007${Buffer.from('grüße').toString('hex')}`,
    `0000000b${Buffer.from('ssh-ed25519').toString('hex')}`,
    '00000003612c62',
    '000000020080',
  ];
  assert.equal(bytes.toString('hex'), expected.join(''));
  assert.deepEqual(everything.decode(bytes), value);
});

test('cut at every byte it is a bad message, and with a byte more as well', () => {
  const bytes = everything.encode(value);
  for (let end = 1; end < bytes.length; end++) {
    assert.throws(() => everything.decode(bytes.subarray(0, end)), isCode('bad-message'), `cut at ${end}`);
  }
  assert.throws(() => everything.decode(Buffer.alloc(0)), isCode('bad-message'));
  const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
  assert.throws(() => everything.decode(longer), isCode('bad-message'));
  assert.throws(() => everything.decode(longer, 'refused'), isCode('bad-message'));
  assert.deepEqual(everything.decode(longer, 'ignored'), value);
});

test('another number is a protocol error that names both', () => {
  const bytes = everything.encode(value);
  for (let number = 0; number < 256; number++) {
    if (number === 200) continue;
    bytes[0] = number;
    assert.throws(
      () => everything.decode(bytes),
      (error: unknown) => isCode('protocol-error')(error) && (error as Error).message.includes(`got message ${number}`),
    );
  }
});

test('errors name the message and the field', () => {
  const bytes = everything.encode(value);
  assert.throws(() => everything.decode(bytes.subarray(0, 20)), { message: /^EVERYTHING: string/ });
});

test('each length field set to 0, 1, 2^31 and 2^32-1 gives a value or a bad message', () => {
  const bytes = everything.encode(value);
  for (let at = 0; at + 4 <= bytes.length; at++) {
    for (const length of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
      const changed = Buffer.from(bytes);
      changed.writeUInt32BE(length, at);
      try {
        everything.decode(changed);
      } catch (error) {
        assert.ok(isCode('bad-message')(error) || isCode('protocol-error')(error), String(error));
      }
    }
  }
});

test('an optional field at the end may be missing, and a rest takes all', () => {
  const late = declareMessage('LATE', 1, { first: fields.byte, second: fields.optional(fields.string) });
  assert.deepEqual(late.decode(Buffer.from([1, 7])), { first: 7, second: undefined });
  const full = { first: 7, second: Buffer.from('x') };
  assert.deepEqual(late.decode(late.encode(full)), full);
  assert.equal(late.encode({ first: 7 }).length, 2);
  assert.throws(() => late.decode(Buffer.from([1, 7, 0])), isCode('bad-message'));

  const open = declareMessage('OPEN', 2, { kind: fields.name, data: fields.rest });
  const message = { kind: 'session', data: Buffer.from('anything at all') };
  assert.deepEqual(open.decode(open.encode(message)), message);
  assert.equal(open.decode(open.encode({ kind: 'x', data: Buffer.alloc(0) })).data.length, 0);
});

test('a structure is a message without a number', () => {
  const size = declareStructure('SIZE', { columns: fields.uint32, rows: fields.uint32 });
  const bytes = size.encode({ columns: 80, rows: 24 });
  assert.equal(bytes.toString('hex'), '0000005000000018');
  assert.deepEqual(size.decode(bytes), { columns: 80, rows: 24 });
  for (let end = 0; end < bytes.length; end++) {
    assert.throws(() => size.decode(bytes.subarray(0, end)), isCode('bad-message'));
  }
  assert.throws(() => size.decode(Buffer.concat([bytes, Buffer.alloc(1)])), isCode('bad-message'));
});

test('mpint fields are limited, whatever the message is', () => {
  const message = declareMessage('NUMBER', 3, { n: fields.mpint });
  const writerless = Buffer.concat([Buffer.from([3, 0, 0, 0x08, 0x02, 1]), Buffer.alloc(2049)]);
  assert.throws(() => message.decode(writerless), isCode('bad-message'));
});

test('property: round trip', () => {
  const arbitrary: fc.Arbitrary<Everything> = fc.record(
    {
      cookie: fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
      byte: fc.integer({ min: 0, max: 255 }),
      boolean: fc.boolean(),
      uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      string: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      text: fc.string({ unit: 'grapheme' }),
      name: fc.stringMatching(/^[!-~]{1,64}$/),
      nameList: fc.array(fc.stringMatching(/^[!-+\--~]{1,20}$/), { maxLength: 6 }),
      mpint: fc
        .uint8Array({ minLength: 1, maxLength: 40 })
        .filter(([first]) => first !== 0)
        .map((bytes) => Buffer.from(bytes)),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(arbitrary, (message) => assert.deepEqual(everything.decode(everything.encode(message)), message)),
  );
});

test('property: any payload gives a value or an SshError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const payload = Buffer.concat([Buffer.from([200]), bytes]);
      try {
        everything.decode(payload);
      } catch (error) {
        assert.ok(error instanceof SshError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
