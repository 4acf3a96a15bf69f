import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { pack, unpack } from './packed.ts';

const across = (value: unknown) => unpack(JSON.parse(JSON.stringify(pack(value))));

test('plain data comes back as it went', () => {
  for (const value of [
    null,
    undefined,
    true,
    0,
    -1.5,
    Number.POSITIVE_INFINITY,
    'a\u0000b\ud83d\ude00',
    2n ** 70n,
    [1, undefined, [null]],
    { a: { b: undefined }, $: 'bytes', of: 'kept' },
    new Map<unknown, unknown>([
      ['k', new Map([[1, 2n]])],
      [3, new Set(['x'])],
    ]),
  ]) {
    assert.deepEqual(across(value), value);
  }
  assert.deepEqual(across({ bytes: new Uint8Array([0, 255]).subarray(1) }), { bytes: Buffer.from([255]) });
});

test('errors keep what logs and clients are told by', () => {
  const cause = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
  const error = new SshError('gone', {
    code: 'connection-lost',
    stage: 'transport',
    side: 'peer',
    disconnect: 2,
    farewell: 'bye',
    cause,
  });
  const back = across(error) as SshError;
  assert.ok(back instanceof SshError);
  assert.deepEqual(
    [
      back.message,
      back.code,
      back.stage,
      back.side,
      back.disconnect,
      back.farewell,
      (back.cause as NodeJS.ErrnoException).code,
    ],
    ['gone', 'connection-lost', 'transport', 'peer', 2, 'bye', 'ECONNRESET'],
  );
  assert.equal((across(new TypeError('plain')) as Error).message, 'plain');
});

test('what is no plain data is refused, and so is what was not packed', () => {
  assert.throws(() => pack({ call: () => 1 }), /function cannot go/);
  for (const wrong of [{}, { $: 'bytes' }, { $: 'object', of: 3 }, { $: 'map', of: [1] }, { $: 'strange' }]) {
    assert.throws(() => unpack(wrong), TypeError, JSON.stringify(wrong));
  }
});

test('no field of a message reaches a prototype', () => {
  const value = unpack({ $: 'object', of: [['__proto__', { $: 'object', of: [['polluted', true]] }]] }) as object;
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});
