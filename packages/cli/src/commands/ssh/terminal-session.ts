/** The terminal's side of a session: raw mode, the pty that is asked for, resizes, and the escapes after a newline. */
import type { ClientConnection } from '@nacre/ssh/client';
import type { ClientSession, TerminalModes } from '@nacre/ssh/connection';
import { prepareCiphers } from '@nacre/ssh/crypto';
import {
  type EscapeAction,
  type EscapeState,
  escapeHelp,
  formatEscape,
  processEscapes,
  startEscapes,
} from '../../terminal/escapes.ts';
import { PromptLine } from '../../terminal/prompt-line.ts';
import { Terminal } from '../../terminal/raw-mode.ts';
import type { ForwardSet } from './forwards.ts';
import type { Input, TakeInput } from './local-input.ts';
import { shiftLogLevel, writeStderr } from './log.ts';
import type { Request } from './request.ts';

const defaultEscape = '~'.charCodeAt(0);
const endOfFile = Buffer.from([4]);

export interface TerminalSurroundings {
  /** Whether our stdin is a terminal: only then is there one to be put into raw mode. */
  readonly isLocal: boolean;
  /** The forwards of the connection, for `~C` and `~&`. */
  openForwards(): Promise<ForwardSet>;
}

export class TerminalSession {
  /** Settles when the person left with `~.`. */
  readonly left: Promise<'left'>;
  hasLeft = false;
  /** The person went on with something else (`~&`): nothing is written to the terminal as a farewell. */
  isInBackground = false;
  readonly #connection: ClientConnection;
  readonly #session: ClientSession;
  readonly #request: Request;
  readonly #surroundings: TerminalSurroundings;
  readonly #terminal: Terminal | undefined;
  #escapes: EscapeState;
  /** The command line of `~C`, while one is typed. */
  #prompt: PromptLine | undefined;
  #input: Input | undefined;
  #holdOutput: (isHeld: boolean) => void = () => {};
  #leave: (value: 'left') => void = () => {};
  #stopResizes: () => void = () => {};

  constructor(
    connection: ClientConnection,
    session: ClientSession,
    request: Request,
    surroundings: TerminalSurroundings,
  ) {
    this.#connection = connection;
    this.#session = session;
    this.#request = request;
    this.#surroundings = surroundings;
    this.#terminal = surroundings.isLocal ? Terminal.open(0) : undefined;
    const { escapeChar } = request.settings;
    this.#escapes = startEscapes(escapeChar === 'none' ? undefined : escapeChar);
    this.left = new Promise((resolve) => {
      this.#leave = resolve;
    });
  }

  /** Asks the server for a terminal like ours, and hides from then on when keys are pressed. */
  request(): Promise<void> {
    const terminal = this.#terminal;
    const size = terminal?.readSize() ?? { columns: 0, rows: 0, widthPixels: 0, heightPixels: 0 };
    const modes: TerminalModes = new Map(terminal?.readModes());
    const { obscureKeystrokeTimingMs } = this.#request.settings;
    prepareCiphers();
    const asked = this.#session.pty({ term: process.env.TERM ?? '', ...size, modes });
    // Without fake keystrokes, which need answers to pings, a fixed pace hides little and costs every key its time.
    if (obscureKeystrokeTimingMs > 0 && this.#connection.answersPings) {
      this.#session.obscureKeystrokes(obscureKeystrokeTimingMs);
    }
    return asked;
  }

  /**
   * From here on every key goes to the program.
   *
   * @param holdOutput - keeps what the program writes from the terminal, as long as something of ours stands there.
   */
  start(holdOutput: (isHeld: boolean) => void): void {
    this.#holdOutput = holdOutput;
    this.#terminal?.enterRaw();
    this.#stopResizes = this.#terminal?.onResize((size) => this.#session.windowChange(size)) ?? (() => {});
  }

  stop(): void {
    this.#stopResizes();
    this.#terminal?.leaveRaw();
  }

  /** Whoever reads the keys, so that a program here can read them for a time. */
  reads(input: Input): void {
    this.#input = input;
  }

  /** Takes the escapes out of what is typed. */
  filterInput(send: TakeInput): TakeInput {
    return (chunk, done) => {
      let waiting = 1;
      const settle = (isWanted: boolean) => {
        waiting--;
        if (waiting === 0 || !isWanted) done(isWanted);
      };
      for (let left = chunk; left.length > 0; ) {
        if (this.#prompt !== undefined) {
          left = this.#type(this.#prompt, left);
          continue;
        }
        const { state, output, rest } = processEscapes(this.#escapes, left);
        this.#escapes = state;
        left = viewOf(rest);
        for (const part of output) {
          if (part.kind === 'action') this.#act(part.action, part.label);
          else {
            waiting++;
            send(viewOf(part.bytes), settle);
          }
        }
      }
      settle(true);
    };
  }

  #act(action: EscapeAction, label: string): void {
    const mark = this.#escapes.escape ?? defaultEscape;
    const { log, settings } = this.#request;
    const typed = formatEscape(mark, label);
    switch (action) {
      case 'leave':
        writeStderr(`${typed}\r\n`);
        this.hasLeft = true;
        this.#leave('left');
        return;
      case 'suspend':
        writeStderr(`${typed} [suspend ssh]\r\n`);
        void this.#suspend();
        return;
      case 'break':
        writeStderr(`${typed}\r\n`);
        this.#session.sendBreak(1000).catch(() => {});
        return;
      case 'rekey':
        this.#connection.rekey().catch(() => {
          writeStderr(`${typed} escape not available to multiplexed sessions\r\n`);
        });
        return;
      case 'help':
        writeStderr(escapeHelp(mark));
        return;
      case 'list-connections':
        void this.#listChannels(typed);
        return;
      case 'more-verbose':
      case 'less-verbose':
        log.level = shiftLogLevel(log.level, action === 'more-verbose' ? 1 : -1);
        writeStderr(`${typed} [LogLevel ${log.level}]\r\n`);
        return;
      case 'command-line':
        if (!settings.enableEscapeCommandline) writeStderr('commandline disabled\r\n');
        else this.#openPrompt();
        return;
      case 'background':
        writeStderr(`${typed} [backgrounded]\r\n`);
        void this.#goToBackground();
        return;
    }
  }

  async #suspend(): Promise<void> {
    await this.#terminal?.suspend();
    // The window may have another size by now.
    if (this.#terminal !== undefined) this.#session.windowChange(this.#terminal.readSize());
  }

  async #listChannels(typed: string): Promise<void> {
    const { listChannels } = await import('./channel-list.ts');
    const lines = listChannels(this.#connection).map((line) => `  ${line}\r\n`);
    writeStderr(`${typed}\r\nThe following connections are open:\r\n${lines.join('')}`);
  }

  /** `~C`: keys belong to the line until it is done, and the program's output waits. */
  #openPrompt(): void {
    this.#holdOutput(true);
    writeStderr('\r\nssh> ');
    this.#prompt = new PromptLine();
  }

  /** Keys for the line; gives what was typed behind it. */
  #type(prompt: PromptLine, keys: Buffer): Buffer {
    const { echo, verdict, rest } = prompt.feed(keys);
    writeStderr(echo);
    if (verdict === 'more') return rest;
    this.#prompt = undefined;
    void this.#runCommand(verdict === 'line' ? prompt.text : '').finally(() => this.#holdOutput(false));
    return rest;
  }

  async #runCommand(line: string): Promise<void> {
    try {
      const { runEscapeCommand } = await import('./escape-command.ts');
      const { permitLocalCommand } = this.#request.settings;
      const lines = await runEscapeCommand(line, {
        forwards: () => this.#surroundings.openForwards(),
        runHere: permitLocalCommand ? (command) => this.#runHere(command) : undefined,
      });
      writeStderr([...lines, ''].join('\r\n'));
    } catch (error) {
      // The connection ended meanwhile, which the session itself tells.
      this.#request.log.debug(1, error instanceof Error ? error.message : String(error));
    }
  }

  /** A program here has the terminal as it was, and the keys. */
  async #runHere(command: string): Promise<void> {
    const { runHere } = await import('./local-command.ts');
    this.#input?.pause?.();
    this.#terminal?.leaveRaw();
    try {
      await runHere(command, this.#request);
    } finally {
      this.#terminal?.enterRaw();
      this.#input?.resume?.();
    }
  }

  /** `~&`: the program there is told that no more comes, and what is forwarded goes on until it ends. */
  async #goToBackground(): Promise<void> {
    this.isInBackground = true;
    this.stop();
    this.#input?.pause?.();
    const [{ leaveTerminal }, forwards] = await Promise.all([
      import('./leave-terminal.ts'),
      this.#surroundings.openForwards(),
    ]);
    await forwards.stopListening();
    this.#session.channel.write(endOfFile);
    await leaveTerminal();
  }
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
