/** Terminal modes to and from termios structures of both platforms, without a terminal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { darwinLayout, linuxLayout, type TerminalMode, terminalModes } from './terminal-modes.ts';
import { makeRaw, readTerminalModes, writeTerminalModes } from './termios.ts';

/** A Linux terminal as the kernel makes it: TCGETS of a fresh pty. */
const freshLinux = Buffer.from('0005000005000000bf0000003b8a000000031c7f150400010011131a00120f1716000000', 'hex');

const value = (modes: TerminalMode[], name: string): number | undefined => {
  const opcode = terminalModes.find((row) => row.name === name)?.opcode;
  return modes.find((mode) => mode[0] === opcode)?.[1];
};

test('opcodes are those of RFC 4254 §8 and RFC 8160, each once', () => {
  const numbers = terminalModes.map((row) => row.opcode);
  assert.equal(new Set(numbers).size, numbers.length);
  assert.equal(numbers.length, 18 + 13 + 13 + 6 + 4);
  for (const [name, opcode] of Object.entries({ VINTR: 1, VDISCARD: 18, IUTF8: 42, ECHO: 53, PENDIN: 62, CS8: 91 })) {
    assert.equal(terminalModes.find((row) => row.name === name)?.opcode, opcode);
  }
});

test('reads the modes of a fresh Linux terminal', () => {
  const termios = Buffer.alloc(36);
  freshLinux.copy(termios);
  const modes = readTerminalModes(linuxLayout, termios);
  assert.deepEqual(modes.slice(0, 2), [
    [129, 38400],
    [128, 38400],
  ]);
  assert.equal(value(modes, 'VINTR'), 3);
  assert.equal(value(modes, 'VEOL'), 255, 'a switched-off character is 255 on the wire');
  for (const name of ['ICRNL', 'IXON', 'ISIG', 'ICANON', 'ECHO', 'ONLCR', 'CS8'])
    assert.equal(value(modes, name), 1, name);
  for (const name of ['IUTF8', 'NOFLSH', 'PARENB']) assert.equal(value(modes, name), 0, name);
  assert.equal(value(modes, 'VSTATUS'), undefined);
});

for (const layout of [linuxLayout, darwinLayout]) {
  test(`${layout.column}: every mode that is written is read back, alone`, () => {
    for (const row of terminalModes) {
      const place = row[layout.column];
      const termios = Buffer.alloc(layout.byteLength);
      writeTerminalModes(layout, termios, [[row.opcode, row.field === 'character' ? 7 : 1]]);
      if (place === undefined) {
        assert.ok(
          termios.every((byte) => byte === 0),
          `${row.name} does not exist here and must change nothing`,
        );
        continue;
      }
      const modes = readTerminalModes(layout, termios);
      assert.equal(value(modes, row.name), row.field === 'character' ? 7 : 1, row.name);
      writeTerminalModes(layout, termios, [[row.opcode, row.field === 'character' ? 255 : 0]]);
      assert.equal(value(readTerminalModes(layout, termios), row.name), row.field === 'character' ? 255 : 0, row.name);
    }
  });

  test(`${layout.column}: speeds and raw mode`, () => {
    const termios = Buffer.alloc(layout.byteLength);
    writeTerminalModes(layout, termios, [
      [128, 9600],
      [129, 9600],
      [200, 1],
    ]);
    assert.deepEqual(readTerminalModes(layout, termios).slice(0, 2), [
      [129, 9600],
      [128, 9600],
    ]);
    writeTerminalModes(layout, termios, [
      [53, 1],
      [70, 1],
      [50, 1],
    ]);
    const raw = readTerminalModes(layout, makeRaw(layout, termios));
    for (const name of ['ECHO', 'OPOST', 'ISIG', 'ICANON', 'IEXTEN']) assert.equal(value(raw, name), 0, name);
    assert.equal(value(raw, 'IGNPAR'), 1);
    assert.equal(value(readTerminalModes(layout, termios), 'ECHO'), 1, 'the original is left alone');
  });
}

test('an unknown speed leaves the old one, and huge values do no harm', () => {
  const termios = Buffer.alloc(36);
  writeTerminalModes(linuxLayout, termios, [[129, 9600]]);
  writeTerminalModes(linuxLayout, termios, [
    [129, 31337],
    [1, 0xffffffff],
    [53, 0xffffffff],
  ]);
  const modes = readTerminalModes(linuxLayout, termios);
  assert.equal(modes[0]?.[1], 9600);
  assert.equal(value(modes, 'ECHO'), 1);
});
