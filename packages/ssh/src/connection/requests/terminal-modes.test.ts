import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../../errors.ts';
import { decodeTerminalModes, encodeTerminalModes, terminalModeOpcodes } from './terminal-modes.ts';

test('the bytes of RFC 4254 §8', () => {
  const modes = new Map<number, number>([
    [terminalModeOpcodes.TTY_OP_ISPEED, 38400],
    [terminalModeOpcodes.ECHO, 1],
  ]);
  const bytes = Buffer.from('8000009600350000000100', 'hex');
  assert.deepEqual(encodeTerminalModes(modes), bytes);
  assert.deepEqual(decodeTerminalModes(bytes), modes);
  assert.deepEqual(encodeTerminalModes(new Map()), Buffer.from([0]));
});

test('unknown opcodes below 160 are kept, the first one above stops', () => {
  const bytes = Buffer.from([159, 0, 0, 0, 5, 160, 1, 2, 3, 1, 0, 0, 0, 9]);
  assert.deepEqual([...decodeTerminalModes(bytes)], [[159, 5]]);
  assert.deepEqual([...decodeTerminalModes(Buffer.from([0, 1, 0, 0, 0, 9]))], []);
  assert.deepEqual([...decodeTerminalModes(Buffer.alloc(0))], []);
  assert.deepEqual(
    encodeTerminalModes(
      new Map([
        [0, 1],
        [160, 1],
        [255, 1],
      ]),
    ),
    Buffer.from([0]),
  );
});

test('a list without its end is taken, a cut value is not', () => {
  assert.deepEqual([...decodeTerminalModes(Buffer.from([53, 255, 255, 255, 255]))], [[53, 2 ** 32 - 1]]);
  for (let length = 1; length < 5; length++) {
    assert.throws(
      () => decodeTerminalModes(Buffer.from([53, 0, 0, 0, 1]).subarray(0, length)),
      (error: unknown) => error instanceof SshError && error.code === 'bad-message',
    );
  }
  assert.throws(() => decodeTerminalModes(Buffer.alloc(4097, 1)), SshError);
});

test('property: any modes come back as they went, any bytes give modes or an SshError', () => {
  const opcode = fc.integer({ min: 1, max: 159 });
  fc.assert(
    fc.property(fc.array(fc.tuple(opcode, fc.integer({ min: 0, max: 2 ** 32 - 1 }))), (entries) => {
      const modes = new Map(entries);
      assert.deepEqual(decodeTerminalModes(encodeTerminalModes(modes)), modes);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodeTerminalModes(bytes);
      } catch (error) {
        assert.ok(error instanceof SshError);
      }
    }),
  );
});
