/** Reads terminal modes out of a termios structure, writes them into one, and makes one raw. */
import {
  inputSpeedOpcode,
  outputSpeedOpcode,
  type TerminalLayout,
  type TerminalMode,
  terminalModes,
} from './terminal-modes.ts';

/** On the wire 255 says "this character is switched off" (RFC 4254 §8). */
const disabledOnWire = 255;

/** The modes of a termios structure as pairs for a pty-req, speeds first as OpenSSH sends them. */
export function readTerminalModes(layout: TerminalLayout, termios: Buffer): TerminalMode[] {
  const speeds = readSpeeds(layout, termios);
  const modes: TerminalMode[] = [
    [outputSpeedOpcode, speeds.output],
    [inputSpeedOpcode, speeds.input],
  ];
  for (const row of terminalModes) {
    const place = row[layout.column];
    if (place === undefined) continue;
    if (row.field === 'character') {
      const byte = termios[layout.characters + place] as number;
      modes.push([row.opcode, byte === layout.disabled ? disabledOnWire : byte]);
    } else {
      const word = readWord(layout, termios, row.field);
      modes.push([row.opcode, (word & place) === 0 ? 0 : 1]);
    }
  }
  return modes;
}

/** Writes pairs into a termios structure; opcodes that this platform does not know are left out (RFC 4254 §8). */
export function writeTerminalModes(layout: TerminalLayout, termios: Buffer, modes: Iterable<TerminalMode>): void {
  for (const [opcode, value] of modes) {
    if (opcode === inputSpeedOpcode || opcode === outputSpeedOpcode) {
      writeSpeed(layout, termios, opcode, value);
      continue;
    }
    const row = rowsByOpcode.get(opcode);
    const place = row?.[layout.column];
    if (row === undefined || place === undefined) continue;
    if (row.field === 'character') {
      termios[layout.characters + place] = value === disabledOnWire ? layout.disabled : value & 0xff;
    } else {
      const word = readWord(layout, termios, row.field);
      writeWord(layout, termios, row.field, value === 0 ? word & ~place : word | place);
    }
  }
}

/** A copy with everything off that would touch the bytes: what the client's terminal is set to for a session. */
export function makeRaw(layout: TerminalLayout, termios: Buffer): Buffer {
  const raw = Buffer.from(termios);
  writeTerminalModes(layout, raw, rawModes);
  raw[layout.characters + layout.min] = 1;
  raw[layout.characters + layout.time] = 0;
  return raw;
}

const rowsByOpcode = new Map(terminalModes.map((row) => [row.opcode, row]));

const rawModes: readonly TerminalMode[] = [
  ...opcodes('IGNPAR').map((opcode): TerminalMode => [opcode, 1]),
  ...opcodes('ISTRIP INLCR IGNCR ICRNL IXON IXANY IXOFF IUCLC ISIG ICANON ECHO ECHOE ECHOK ECHONL IEXTEN OPOST').map(
    (opcode): TerminalMode => [opcode, 0],
  ),
];

function opcodes(names: string): number[] {
  const wanted = names.split(' ');
  return terminalModes.filter((row) => wanted.includes(row.name)).map((row) => row.opcode);
}

type Word = 'input' | 'output' | 'control' | 'local';

// The low 32 bits hold every flag; on macOS the upper half of each word is zero.
function readWord(layout: TerminalLayout, termios: Buffer, word: Word): number {
  return termios.readUInt32LE(layout.offsets[word]);
}

function writeWord(layout: TerminalLayout, termios: Buffer, word: Word, value: number): void {
  termios.writeUInt32LE(value >>> 0, layout.offsets[word]);
}

function readSpeeds(layout: TerminalLayout, termios: Buffer): { input: number; output: number } {
  const { speed } = layout;
  if (speed.kind === 'number') {
    return { input: termios.readUInt32LE(speed.input), output: termios.readUInt32LE(speed.output) };
  }
  const code = readWord(layout, termios, 'control') & speed.mask;
  const baud = speed.bauds.find((entry) => entry[1] === code)?.[0] ?? 38400;
  return { input: baud, output: baud };
}

function writeSpeed(layout: TerminalLayout, termios: Buffer, opcode: number, baud: number): void {
  const { speed } = layout;
  if (speed.kind === 'number') {
    termios.writeUInt32LE(baud >>> 0, opcode === inputSpeedOpcode ? speed.input : speed.output);
    return;
  }
  // Linux keeps one code for both directions; an unknown speed leaves what was there.
  const code = speed.bauds.find((entry) => entry[0] === baud)?.[1];
  if (code === undefined) return;
  writeWord(layout, termios, 'control', (readWord(layout, termios, 'control') & ~speed.mask) | code);
}
