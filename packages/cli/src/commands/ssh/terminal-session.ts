/** The terminal's side of a session: raw mode, the pty that is asked for, resizes, and the escapes after a newline. */
import type { ClientConnection } from '@nacre/ssh/client';
import type { ClientSession, TerminalModes } from '@nacre/ssh/connection';
import {
  type EscapeAction,
  type EscapeState,
  escapeHelp,
  formatEscape,
  processEscapes,
  startEscapes,
} from '../../terminal/escapes.ts';
import { Terminal } from '../../terminal/raw-mode.ts';
import type { TakeInput } from './local-input.ts';
import { shiftLogLevel, writeStderr } from './log.ts';
import type { Request } from './request.ts';

const defaultEscape = '~'.charCodeAt(0);

export class TerminalSession {
  /** Settles when the person left with `~.`. */
  readonly left: Promise<'left'>;
  hasLeft = false;
  readonly #connection: ClientConnection;
  readonly #session: ClientSession;
  readonly #request: Request;
  readonly #terminal: Terminal | undefined;
  #escapes: EscapeState;
  #leave: (value: 'left') => void = () => {};
  #stopResizes: () => void = () => {};

  /** @param isLocal - whether our stdin is a terminal: only then is there one to be put into raw mode. */
  constructor(connection: ClientConnection, session: ClientSession, request: Request, isLocal: boolean) {
    this.#connection = connection;
    this.#session = session;
    this.#request = request;
    this.#terminal = isLocal ? Terminal.open(0) : undefined;
    const { escapeChar } = request.settings;
    this.#escapes = startEscapes(escapeChar === 'none' ? undefined : escapeChar);
    this.left = new Promise((resolve) => {
      this.#leave = resolve;
    });
  }

  /** Asks the server for a terminal like ours. */
  request(): Promise<void> {
    const terminal = this.#terminal;
    const size = terminal?.readSize() ?? { columns: 0, rows: 0, widthPixels: 0, heightPixels: 0 };
    const modes: TerminalModes = new Map(terminal?.readModes());
    return this.#session.pty({ term: process.env.TERM ?? '', ...size, modes });
  }

  /** From here on every key goes to the program. */
  start(): void {
    this.#terminal?.enterRaw();
    this.#stopResizes = this.#terminal?.onResize((size) => this.#session.windowChange(size)) ?? (() => {});
  }

  stop(): void {
    this.#stopResizes();
    this.#terminal?.leaveRaw();
  }

  /** Takes the escapes out of what is typed. */
  filterInput(send: TakeInput): TakeInput {
    return (chunk, done) => {
      const { state, output } = processEscapes(this.#escapes, chunk);
      this.#escapes = state;
      let waiting = 1;
      const settle = (isWanted: boolean) => {
        waiting--;
        if (waiting === 0 || !isWanted) done(isWanted);
      };
      for (const part of output) {
        if (part.kind === 'action') this.#act(part.action, part.label);
        else {
          waiting++;
          send(Buffer.from(part.bytes.buffer, part.bytes.byteOffset, part.bytes.byteLength), settle);
        }
      }
      settle(true);
    };
  }

  #act(action: EscapeAction, label: string): void {
    const mark = this.#escapes.escape ?? defaultEscape;
    const { log } = this.#request;
    switch (action) {
      case 'leave':
        this.hasLeft = true;
        this.#leave('left');
        return;
      case 'suspend':
        writeStderr(`${formatEscape(mark, label)} [suspend ssh]\r\n`);
        void this.#suspend();
        return;
      case 'break':
        writeStderr(`${formatEscape(mark, label)}\r\n`);
        this.#session.sendBreak(1000).catch(() => {});
        return;
      case 'rekey':
        this.#connection.rekey().catch(() => {});
        return;
      case 'help':
        writeStderr(escapeHelp(mark));
        return;
      case 'list-connections':
        writeStderr(`${formatEscape(mark, label)}\r\nThe following connections are open:\r\n  #0 client-session\r\n`);
        return;
      case 'more-verbose':
      case 'less-verbose':
        log.level = shiftLogLevel(log.level, action === 'more-verbose' ? 1 : -1);
        writeStderr(`${formatEscape(mark, label)} [LogLevel ${log.level}]\r\n`);
        return;
      case 'command-line':
        writeStderr('commandline disabled\r\n');
        return;
      case 'background':
        writeStderr(`${formatEscape(mark, label)} [going to the background is not supported yet]\r\n`);
        return;
    }
  }

  async #suspend(): Promise<void> {
    await this.#terminal?.suspend();
    // The window may have another size by now.
    if (this.#terminal !== undefined) this.#session.windowChange(this.#terminal.readSize());
  }
}
