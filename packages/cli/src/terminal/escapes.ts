/** The client's escape characters (`~.` and its kin after a newline): bytes in, bytes to forward and actions out. */

/** What an escape asks for: one row of `escapes` each. */
export type EscapeAction =
  | 'leave'
  | 'suspend'
  | 'break'
  | 'rekey'
  | 'help'
  | 'list-connections'
  | 'background'
  | 'more-verbose'
  | 'less-verbose'
  | 'command-line';

interface EscapeRow {
  readonly byte: number;
  /** How the help text and the echo on the terminal write it. */
  readonly label: string;
  readonly action: EscapeAction;
  readonly help: string;
}

/** Every escape, in the order of the help text. */
export const escapes: readonly EscapeRow[] = [
  { byte: 0x2e, label: '.', action: 'leave', help: 'end the connection (and any shared sessions)' },
  { byte: 0x42, label: 'B', action: 'break', help: 'send a BREAK to the remote system' },
  { byte: 0x43, label: 'C', action: 'command-line', help: 'open a command line' },
  { byte: 0x52, label: 'R', action: 'rekey', help: 'exchange keys anew' },
  { byte: 0x56, label: 'V', action: 'less-verbose', help: 'log less' },
  { byte: 0x76, label: 'v', action: 'more-verbose', help: 'log more' },
  { byte: 0x1a, label: '^Z', action: 'suspend', help: 'suspend this program' },
  { byte: 0x23, label: '#', action: 'list-connections', help: 'list the forwarded connections' },
  { byte: 0x26, label: '&', action: 'background', help: 'go to the background and wait for connections to end' },
  { byte: 0x3f, label: '?', action: 'help', help: 'show this list' },
];

const actions = new Map(escapes.map((row) => [row.byte, row]));

/** What one piece of input came to, in order. */
export type EscapeOutput =
  | { readonly kind: 'forward'; readonly bytes: Uint8Array }
  | { readonly kind: 'action'; readonly action: EscapeAction; readonly label: string };

/** Where the walk stands between two pieces of input. */
export interface EscapeState {
  /** The escape character's byte; undefined switches escapes off (`-e none`). */
  readonly escape: number | undefined;
  /** The escape character counts only at the start of a line. */
  readonly afterNewline: boolean;
  /** The escape character came and the next byte decides. */
  readonly pending: boolean;
}

/** The state at the start of a session, which counts as the start of a line. */
export function startEscapes(escapeByte: number | undefined): EscapeState {
  return { escape: escapeByte, afterNewline: true, pending: false };
}

export interface EscapeResult {
  readonly state: EscapeState;
  readonly output: EscapeOutput[];
  /** What was typed behind `~C`: it belongs to the command line, which has to be asked for first. */
  readonly rest: Uint8Array;
}

/** Takes one piece of keyboard input; forwards are views into it wherever nothing had to be inserted. */
export function processEscapes(state: EscapeState, input: Uint8Array): EscapeResult {
  const escapeByte = state.escape;
  const noRest = input.subarray(input.length);
  if (input.length === 0) return { state, output: [], rest: noRest };
  if (escapeByte === undefined) return { state, output: [{ kind: 'forward', bytes: input }], rest: noRest };
  let { afterNewline, pending } = state;
  const output: EscapeOutput[] = [];
  let start = 0;
  const flush = (end: number): void => {
    if (end > start) output.push({ kind: 'forward', bytes: input.subarray(start, end) });
  };

  for (let i = 0; i < input.length; i++) {
    const byte = input[i] as number;
    if (pending) {
      pending = false;
      const row = byte === escapeByte ? undefined : actions.get(byte);
      if (row !== undefined) {
        output.push({ kind: 'action', action: row.action, label: row.label });
        // As in OpenSSH, an escape leaves us at the start of a line: ~#~. works.
        start = i + 1;
        if (row.action === 'command-line') {
          return { state: startEscapes(escapeByte), output, rest: input.subarray(start) };
        }
        continue;
      }
      start = i;
      // ~x is sent as typed; ~~ is sent as one ~.
      if (byte !== escapeByte) output.push({ kind: 'forward', bytes: Uint8Array.of(escapeByte) });
    } else if (afterNewline && byte === escapeByte) {
      flush(i);
      start = i + 1;
      pending = true;
      continue;
    }
    afterNewline = byte === 0x0d || byte === 0x0a;
  }
  flush(input.length);
  return { state: { escape: escapeByte, afterNewline, pending }, output, rest: noRest };
}

/** The text of `~?`, for a terminal in raw mode: every escape, or those that are offered. */
export function escapeHelp(escapeByte: number, isOffered: (action: EscapeAction) => boolean = () => true): string {
  const mark = formatEscapeCharacter(escapeByte);
  const rows = escapes
    .filter(({ action }) => isOffered(action))
    .map((row) => ` ${mark}${row.label.padEnd(3)} - ${row.help}`);
  return [
    `${mark}?`,
    'Supported escape sequences:',
    ...rows,
    ` ${mark}${mark.padEnd(3)} - send the escape character itself`,
    '(They count at the start of a line.)',
    '',
  ].join('\r\n');
}

/** What the terminal shows for an escape that was recognised: `~^Z [suspend ssh]` and so on. */
export function formatEscape(escapeByte: number, label: string): string {
  return `${formatEscapeCharacter(escapeByte)}${label}`;
}

function formatEscapeCharacter(escapeByte: number): string {
  return escapeByte < 32 ? `^${String.fromCharCode(escapeByte + 64)}` : String.fromCharCode(escapeByte);
}
