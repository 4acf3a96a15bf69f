/** The terminal of a client whose session runs here: what the server is told of it, its resizes, and the escapes typed at it. */
import type { ClientConnection } from '@nacre/ssh/client';
import type { ClientSession, TerminalModes } from '@nacre/ssh/connection';
import type { PassengerSession } from '@nacre/ssh/mux';
import { platform } from '../../../os/native.ts';
import type { WindowSize } from '../../../os/platform.ts';
import { readTerminalModes } from '../../../os/termios.ts';
import {
  type EscapeAction,
  type EscapeState,
  escapeHelp,
  formatEscape,
  processEscapes,
  startEscapes,
} from '../../../terminal/escapes.ts';
import type { TakeInput } from '../local-input.ts';
import type { PassedStream } from './passed-stream.ts';

export interface TerminalHost {
  readonly connection: ClientConnection;
  readonly session: ClientSession;
  readonly stdin: PassedStream;
  readonly obscureKeystrokeTimingMs: number;
  /** Shows a text at the client's stderr. */
  say(text: string): void;
}

/** The client puts its terminal into raw mode itself, once it hears that the session is open. */
export class PassengerTerminal {
  /** Settles when the person left with `~.`. */
  readonly left: Promise<'left'>;
  readonly #host: TerminalHost;
  readonly #asked: PassengerSession;
  #escapes: EscapeState;
  #leave: (value: 'left') => void = () => {};

  constructor(host: TerminalHost, asked: PassengerSession) {
    this.#host = host;
    this.#asked = asked;
    this.#escapes = startEscapes(asked.escapeCharacter);
    this.left = new Promise((resolve) => {
      this.#leave = resolve;
    });
  }

  /** Asks the server for a terminal like the client's. */
  request(): Promise<void> {
    const { session, connection, obscureKeystrokeTimingMs } = this.#host;
    const term = this.#asked.terminalType;
    const size = this.#readSize() ?? { columns: 0, rows: 0, widthPixels: 0, heightPixels: 0 };
    const asked = session.pty({ term, ...size, modes: this.#readModes() });
    if (obscureKeystrokeTimingMs > 0 && connection.answersPings) session.obscureKeystrokes(obscureKeystrokeTimingMs);
    watchResizes(this);
    return asked;
  }

  stop(): void {
    unwatchResizes(this);
  }

  /** A client is told of its new size, and hands the signal on to us; nobody says whose it was. */
  readonly onResize = (): void => {
    const size = this.#readSize();
    if (size !== undefined) this.#host.session.windowChange(size);
  };

  /** Takes the escapes out of what is typed. */
  filterInput(send: TakeInput): TakeInput {
    return (chunk, done) => {
      let waiting = 1;
      const settle = (isWanted: boolean) => {
        waiting--;
        if (waiting === 0 || !isWanted) done(isWanted);
      };
      for (let left: Uint8Array = chunk; left.length > 0; ) {
        const { state, output, rest } = processEscapes(this.#escapes, left);
        this.#escapes = state;
        left = rest;
        for (const part of output) {
          if (part.kind === 'action') this.#act(part.action, part.label);
          else {
            waiting++;
            send(Buffer.from(part.bytes.buffer, part.bytes.byteOffset, part.bytes.byteLength), settle);
          }
        }
      }
      settle(true);
    };
  }

  #act(action: EscapeAction, label: string): void {
    const { say, session, connection } = this.#host;
    const mark = this.#asked.escapeCharacter ?? 0;
    const typed = formatEscape(mark, label);
    switch (action) {
      case 'leave':
        say(`${typed}\r\n`);
        this.#leave('left');
        return;
      case 'break':
        say(`${typed}\r\n`);
        session.sendBreak(1000).catch(() => {});
        return;
      case 'rekey':
        connection.rekey().catch(() => {});
        return;
      case 'help':
        say(escapeHelp(mark, isOffered));
        return;
      case 'list-connections':
        void this.#listChannels(typed);
        return;
      default:
        say(`${typed} escape not available to multiplexed sessions\r\n`);
    }
  }

  async #listChannels(typed: string): Promise<void> {
    const { listChannels } = await import('../channel-list.ts');
    const lines = listChannels(this.#host.connection).map((line) => `  ${line}\r\n`);
    this.#host.say(`${typed}\r\nThe following connections are open:\r\n${lines.join('')}`);
  }

  #readSize(): WindowSize | undefined {
    return this.#ask((fd) => platform().getWindowSize(fd));
  }

  #readModes(): TerminalModes {
    return new Map(this.#ask((fd) => readTerminalModes(platform().layout, platform().getTermios(fd))));
  }

  /** Undefined where the client's stdin is no terminal, or one that has gone. */
  #ask<Answer>(question: (fd: number) => Answer): Answer | undefined {
    const { fd, isTerminal } = this.#host.stdin;
    try {
      return isTerminal ? question(fd) : undefined;
    } catch {
      return undefined;
    }
  }
}

/** What can be done for a session that is not this process's own: the others are about its terminal, or everybody's. */
function isOffered(action: EscapeAction): boolean {
  return ['leave', 'break', 'rekey', 'help', 'list-connections'].includes(action);
}

const watching = new Set<PassengerTerminal>();

function watchResizes(terminal: PassengerTerminal): void {
  if (watching.size === 0) process.on('SIGWINCH', tellAll);
  watching.add(terminal);
}

function unwatchResizes(terminal: PassengerTerminal): void {
  if (watching.delete(terminal) && watching.size === 0) process.off('SIGWINCH', tellAll);
}

function tellAll(): void {
  for (const terminal of watching) terminal.onResize();
}
