/** RFC 4254 §8 terminal modes: opcodes against the fields of each platform's termios, for both ends of a connection. */

/** One opcode and its value, as they stand in a pty-req. */
export type TerminalMode = readonly [opcode: number, value: number];

/** Where things are in a platform's struct termios. Flag words are little-endian on every platform we know. */
export interface TerminalLayout {
  readonly byteLength: number;
  /** Width of a flag word: 4 on Linux, 8 on macOS. */
  readonly wordBytes: 4 | 8;
  readonly offsets: {
    readonly input: number;
    readonly output: number;
    readonly control: number;
    readonly local: number;
  };
  /** Offset of c_cc, and the indexes of VMIN and VTIME in it. */
  readonly characters: number;
  readonly min: number;
  readonly time: number;
  /** The value in c_cc that switches a character off; 255 on the wire. */
  readonly disabled: number;
  readonly speed: SpeedLayout;
  readonly column: 'linux' | 'darwin';
}

type SpeedLayout =
  /** Bits of c_cflag that number a row of `bauds`. */
  | { readonly kind: 'code'; readonly mask: number; readonly bauds: readonly (readonly [baud: number, code: number])[] }
  /** Numbers of their own. */
  | { readonly kind: 'number'; readonly input: number; readonly output: number };

type Field = 'character' | 'input' | 'output' | 'control' | 'local';

interface ModeRow {
  readonly opcode: number;
  readonly name: string;
  readonly field: Field;
  /** Index in c_cc for a character, bit mask for a flag; absent where the platform has none. */
  readonly linux?: number;
  readonly darwin?: number;
}

/** Input and output speed in bits a second (RFC 4254 §8). */
export const inputSpeedOpcode = 128;
export const outputSpeedOpcode = 129;

const character = (opcode: number, name: string, linux?: number, darwin?: number): ModeRow =>
  row('character', opcode, name, linux, darwin);
const input = (opcode: number, name: string, linux?: number, darwin?: number): ModeRow =>
  row('input', opcode, name, linux, darwin);
const local = (opcode: number, name: string, linux?: number, darwin?: number): ModeRow =>
  row('local', opcode, name, linux, darwin);
const output = (opcode: number, name: string, linux?: number, darwin?: number): ModeRow =>
  row('output', opcode, name, linux, darwin);
const control = (opcode: number, name: string, linux?: number, darwin?: number): ModeRow =>
  row('control', opcode, name, linux, darwin);

function row(field: Field, opcode: number, name: string, linux?: number, darwin?: number): ModeRow {
  return {
    opcode,
    name,
    field,
    ...(linux === undefined ? {} : { linux }),
    ...(darwin === undefined ? {} : { darwin }),
  };
}

/** Every mode that has a number in RFC 4254 §8 and RFC 8160: opcode, termios name, Linux, macOS. */
export const terminalModes: readonly ModeRow[] = [
  character(1, 'VINTR', 0, 8),
  character(2, 'VQUIT', 1, 9),
  character(3, 'VERASE', 2, 3),
  character(4, 'VKILL', 3, 5),
  character(5, 'VEOF', 4, 0),
  character(6, 'VEOL', 11, 1),
  character(7, 'VEOL2', 16, 2),
  character(8, 'VSTART', 8, 12),
  character(9, 'VSTOP', 9, 13),
  character(10, 'VSUSP', 10, 10),
  character(11, 'VDSUSP', undefined, 11),
  character(12, 'VREPRINT', 12, 6),
  character(13, 'VWERASE', 14, 4),
  character(14, 'VLNEXT', 15, 14),
  character(15, 'VFLUSH'),
  character(16, 'VSWTCH', 7),
  character(17, 'VSTATUS', undefined, 18),
  character(18, 'VDISCARD', 13, 15),
  input(30, 'IGNPAR', 0o4, 0x4),
  input(31, 'PARMRK', 0o10, 0x8),
  input(32, 'INPCK', 0o20, 0x10),
  input(33, 'ISTRIP', 0o40, 0x20),
  input(34, 'INLCR', 0o100, 0x40),
  input(35, 'IGNCR', 0o200, 0x80),
  input(36, 'ICRNL', 0o400, 0x100),
  input(37, 'IUCLC', 0o1000),
  input(38, 'IXON', 0o2000, 0x200),
  input(39, 'IXANY', 0o4000, 0x800),
  input(40, 'IXOFF', 0o10000, 0x400),
  input(41, 'IMAXBEL', 0o20000, 0x2000),
  input(42, 'IUTF8', 0o40000, 0x4000),
  local(50, 'ISIG', 0o1, 0x80),
  local(51, 'ICANON', 0o2, 0x100),
  local(52, 'XCASE', 0o4),
  local(53, 'ECHO', 0o10, 0x8),
  local(54, 'ECHOE', 0o20, 0x2),
  local(55, 'ECHOK', 0o40, 0x4),
  local(56, 'ECHONL', 0o100, 0x10),
  local(57, 'NOFLSH', 0o200, 0x80000000),
  local(58, 'TOSTOP', 0o400, 0x400000),
  local(59, 'IEXTEN', 0o100000, 0x400),
  local(60, 'ECHOCTL', 0o1000, 0x40),
  local(61, 'ECHOKE', 0o4000, 0x1),
  local(62, 'PENDIN', 0o40000, 0x20000000),
  output(70, 'OPOST', 0o1, 0x1),
  output(71, 'OLCUC', 0o2),
  output(72, 'ONLCR', 0o4, 0x2),
  output(73, 'OCRNL', 0o10, 0x10),
  output(74, 'ONOCR', 0o20, 0x20),
  output(75, 'ONLRET', 0o40, 0x40),
  control(90, 'CS7', 0o40, 0x200),
  control(91, 'CS8', 0o60, 0x300),
  control(92, 'PARENB', 0o400, 0x1000),
  control(93, 'PARODD', 0o1000, 0x2000),
];

export const linuxLayout: TerminalLayout = {
  byteLength: 36,
  wordBytes: 4,
  offsets: { input: 0, output: 4, control: 8, local: 12 },
  characters: 17,
  min: 6,
  time: 5,
  disabled: 0,
  speed: {
    kind: 'code',
    mask: 0o10017,
    bauds: [
      [50, 0o1],
      [75, 0o2],
      [110, 0o3],
      [134, 0o4],
      [150, 0o5],
      [200, 0o6],
      [300, 0o7],
      [600, 0o10],
      [1200, 0o11],
      [1800, 0o12],
      [2400, 0o13],
      [4800, 0o14],
      [9600, 0o15],
      [19200, 0o16],
      [38400, 0o17],
      [57600, 0o10001],
      [115200, 0o10002],
      [230400, 0o10003],
      [460800, 0o10004],
      [500000, 0o10005],
      [576000, 0o10006],
      [921600, 0o10007],
      [1000000, 0o10010],
      [1152000, 0o10011],
      [1500000, 0o10012],
      [2000000, 0o10013],
      [2500000, 0o10014],
      [3000000, 0o10015],
      [3500000, 0o10016],
      [4000000, 0o10017],
    ],
  },
  column: 'linux',
};

export const darwinLayout: TerminalLayout = {
  byteLength: 72,
  wordBytes: 8,
  offsets: { input: 0, output: 8, control: 16, local: 24 },
  characters: 32,
  min: 16,
  time: 17,
  disabled: 255,
  speed: { kind: 'number', input: 56, output: 64 },
  column: 'darwin',
};
