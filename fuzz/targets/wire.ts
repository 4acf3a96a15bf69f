/** The wire reader field by field, and declared messages, which all other messages are made of. */
import { isDeepStrictEqual } from 'node:util';
import { declareMessage, fields, WireReader, WireWriter } from '@nacre/ssh/wire';
import type { FuzzTarget } from '../target.ts';

const everyField = declareMessage('EVERY_FIELD', 200, {
  flag: fields.boolean,
  small: fields.byte,
  count: fields.uint32,
  size: fields.uint64,
  cookie: fields.fixed(4),
  blob: fields.string,
  words: fields.text,
  algorithm: fields.name,
  algorithms: fields.nameList,
  number: fields.mpint,
  language: fields.optional(fields.name),
});

const nested = declareMessage('NESTED', 201, { outer: fields.string, more: fields.rest });

const example = {
  flag: true,
  small: 7,
  count: 0x01020304,
  size: 0x0102030405060708n,
  cookie: Buffer.from('abcd'),
  blob: Buffer.from('some bytes'),
  words: 'wörter',
  algorithm: 'ssh-ed25519',
  algorithms: ['curve25519-sha256', 'ext-info-c'],
  number: Buffer.from('80ff01', 'hex'),
};

/** What a message decodes to has to encode to bytes that decode to the same. */
export const wireMessage: FuzzTarget = {
  name: 'wire-message',
  seeds: [
    everyField.encode(example),
    everyField.encode({ ...example, language: 'en', algorithms: [], number: Buffer.alloc(0), words: '' }),
    nested.encode({ outer: everyField.encode(example), more: Buffer.from([1, 2, 3]) }),
  ],
  run(input) {
    if (input[0] === nested.number) requireRoundTrip(nested, input);
    else requireRoundTrip(everyField, input);
  },
};

interface RoundTrip<T> {
  encode(value: T): Buffer;
  decode(bytes: Uint8Array): T;
}

function requireRoundTrip<T>(message: RoundTrip<T>, input: Buffer): void {
  const value = message.decode(input);
  const again = message.decode(message.encode(value));
  if (!isDeepStrictEqual(again, value)) throw new Error('the value changed on its way through encode and decode');
}

/** The input's first bytes choose the fields, the rest is read: no order of calls may lead outside the bytes. */
export const wireReader: FuzzTarget = {
  name: 'wire-reader',
  seeds: [
    Buffer.concat([
      Buffer.from([10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
      new WireWriter()
        .uint8(1)
        .boolean(true)
        .uint32(2)
        .uint64(3n)
        .fixed(Buffer.from('xyz'))
        .string('bytes')
        .string('text')
        .string('name')
        .nameList(['a', 'b'])
        .mpint(Buffer.from('ff', 'hex'))
        .finish(),
    ]),
  ],
  run(input) {
    const plan = input.subarray(1, 1 + (input[0] ?? 0));
    const reader = new WireReader(input, 'input', 1 + plan.length, Math.max(input.length, 1 + plan.length));
    for (const step of plan) {
      const before = reader.offset;
      readStep(reader, step);
      if (reader.offset < before || reader.offset > reader.end) throw new Error('the reader left its bytes');
    }
  },
};

function readStep(reader: WireReader, step: number): void {
  const reads = [
    () => reader.uint8(),
    () => reader.boolean(),
    () => reader.uint32(),
    () => reader.uint64(),
    () => reader.fixed(step >> 4),
    () => reader.string('string', 64),
    () => reader.text(),
    () => reader.ascii(),
    () => reader.nameList(),
    () => reader.mpintBytes(),
    () => reader.unsignedMpint('mpint', 64),
    () => reader.rest(),
  ];
  reads[step % reads.length]?.();
}
