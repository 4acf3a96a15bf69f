/** File attributes: what is there and nothing else, in both directions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import { attributesField, type FileAttributes, fileType } from './attributes.ts';

function encode(attributes: FileAttributes): Buffer {
  const writer = new WireWriter();
  attributesField.write(writer, attributes);
  return writer.finish();
}

function decode(bytes: Buffer): FileAttributes {
  const reader = new WireReader(bytes, 'test');
  const attributes = attributesField.read(reader);
  reader.finish();
  return attributes;
}

test('every set of attributes survives encoding and decoding', () => {
  const number = fc.integer({ min: 0, max: 0xffff_ffff });
  const bytes = fc.uint8Array({ maxLength: 20 }).map((value) => Buffer.from(value));
  const attributes = fc.record(
    {
      size: fc.maxSafeNat(),
      owner: fc.record({ uid: number, gid: number }, { noNullPrototype: true }),
      mode: number,
      times: fc.record({ accessed: number, modified: number }, { noNullPrototype: true }),
      extended: fc.array(fc.record({ type: bytes, data: bytes }, { noNullPrototype: true })),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  fc.assert(fc.property(attributes, (given) => assert.deepEqual(decode(encode(given)), given)));
});

test('the bytes of the draft', () => {
  assert.equal(encode({}).toString('hex'), '00000000');
  const all = { size: 5, owner: { uid: 1, gid: 2 }, mode: 0o100644, times: { accessed: 3, modified: 4 } };
  const hex = '0000000f' + '0000000000000005' + '0000000100000002' + '000081a4' + '0000000300000004';
  assert.equal(encode(all).toString('hex'), hex);
  assert.equal(encode({ extended: [] }).toString('hex'), '8000000000000000');
});

test('giant sizes are held to what a number can name; unknown flags are passed over; counts are held to what is there', () => {
  const giant = Buffer.from(`00000001${'ff'.repeat(8)}`, 'hex');
  assert.deepEqual(decode(giant), { size: Number.MAX_SAFE_INTEGER });
  assert.deepEqual(decode(Buffer.from('00000100', 'hex')), {});
  for (const bad of ['', '000000', '0000000200000001', '80000000ffffffff', '8000000000000002', '0000000000']) {
    assert.throws(() => decode(Buffer.from(bad, 'hex')), SshError, bad);
  }
});

test('the type of file is that of the mode', () => {
  const types = [0o100644, 0o040755, 0o120777, 0o020600, 0o060600, 0o010600, 0o140600, 0o000644].map((mode) =>
    fileType({ mode }),
  );
  assert.deepEqual(types, ['file', 'directory', 'symlink', 'character', 'block', 'fifo', 'socket', undefined]);
  assert.equal(fileType({}), undefined);
});
