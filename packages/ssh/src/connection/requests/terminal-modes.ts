/** Encoded terminal modes (RFC 4254 §8): the list of opcodes and values inside pty-req. */

import { maxTerminalModesBytes } from '../../limits.ts';
import { WireReader, WireWriter } from '../../wire/index.ts';

/** Opcode to value. Values are a character code, 0 or 1, or a speed in bits per second. */
export type TerminalModes = ReadonlyMap<number, number>;

const end = 0;
/** RFC 4254 §8: opcodes from here on have no known form, so reading stops at the first of them. */
const firstUndefinedOpcode = 160;

/** Writes modes in the order of the map, ended by TTY_OP_END; opcodes outside 1 to 159 are left out. */
export function encodeTerminalModes(modes: TerminalModes): Buffer {
  const writer = new WireWriter();
  for (const [opcode, value] of modes) {
    if (opcode > end && opcode < firstUndefinedOpcode) writer.uint8(opcode).uint32(value >>> 0);
  }
  return writer.uint8(end).finish();
}

/**
 * Reads modes, unknown opcodes below 160 too. A list without its end is taken as it is; of a mode that stands there
 * twice the last one counts.
 */
export function decodeTerminalModes(bytes: Uint8Array): Map<number, number> {
  const reader = new WireReader(bytes, 'terminal modes');
  if (bytes.length > maxTerminalModesBytes) {
    throw reader.error(`${bytes.length} bytes, at most ${maxTerminalModesBytes} are allowed`);
  }
  const modes = new Map<number, number>();
  while (reader.remaining > 0) {
    const opcode = reader.uint8('opcode');
    if (opcode === end || opcode >= firstUndefinedOpcode) break;
    modes.set(opcode, reader.uint32(`opcode ${opcode}`));
  }
  return modes;
}

/** Opcodes by name (RFC 4254 §8, IUTF8 from RFC 8160). */
export const terminalModeOpcodes = {
  VINTR: 1,
  VQUIT: 2,
  VERASE: 3,
  VKILL: 4,
  VEOF: 5,
  VEOL: 6,
  VEOL2: 7,
  VSTART: 8,
  VSTOP: 9,
  VSUSP: 10,
  VDSUSP: 11,
  VREPRINT: 12,
  VWERASE: 13,
  VLNEXT: 14,
  VFLUSH: 15,
  VSWTCH: 16,
  VSTATUS: 17,
  VDISCARD: 18,
  IGNPAR: 30,
  PARMRK: 31,
  INPCK: 32,
  ISTRIP: 33,
  INLCR: 34,
  IGNCR: 35,
  ICRNL: 36,
  IUCLC: 37,
  IXON: 38,
  IXANY: 39,
  IXOFF: 40,
  IMAXBEL: 41,
  IUTF8: 42,
  ISIG: 50,
  ICANON: 51,
  XCASE: 52,
  ECHO: 53,
  ECHOE: 54,
  ECHOK: 55,
  ECHONL: 56,
  NOFLSH: 57,
  TOSTOP: 58,
  IEXTEN: 59,
  ECHOCTL: 60,
  ECHOKE: 61,
  PENDIN: 62,
  OPOST: 70,
  OLCUC: 71,
  ONLCR: 72,
  OCRNL: 73,
  ONOCR: 74,
  ONLRET: 75,
  CS7: 90,
  CS8: 91,
  PARENB: 92,
  PARODD: 93,
  TTY_OP_ISPEED: 128,
  TTY_OP_OSPEED: 129,
} as const;

export type TerminalModeName = keyof typeof terminalModeOpcodes;
